const PATHS = {
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  back: "M9.5 3.5 5 8l4.5 4.5",
  fold: "M6 3.5 10.5 8 6 12.500",
  canvas: "M2.5 3h4.500v3.500H2.500zM9 9.500h4.500V13H9zM7 4.800h4.200v4.700",
  tree: "M2.5 3.500h4M5 7.500h8.500M5 11.500h8.500M2.5 7.500h.01M2.5 11.500h.01M9 3.500h4.500",
  graph:
    "M4 9.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM12 5.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM12 13.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM5.400 7.300l5.200-2.600M5.400 8.700l5.200 2.600",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  zoomIn: "M8 4v8M4 8h8",
  zoomOut: "M4 8h8",
  undo: "M6 3.5 3 6.5l3 3M3.5 6.5H10a3 3 0 0 1 0 6H7",
  redo: "M10 3.5l3 3-3 3M12.5 6.5H6a3 3 0 0 0 0 6h3",
  people:
    "M6 7.5a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5ZM2 13c.3-2.3 1.8-3.5 4-3.5s3.7 1.2 4 3.5M10.5 3.3a2.25 2.25 0 0 1 0 4M11.5 9.7c1.4.4 2.3 1.5 2.5 3.3",
  keyboard: "M2.5 4.500h11v7h-11zM5 7h.01M8 7h.01M11 7h.01M5.5 9.500h5",
  expand: "M9.5 2.500h4v4M13.5 2.5 9 7M6.5 13.500h-4v-4M2.5 13.5 7 9",
  shrink: "M13 3 9.5 6.500M9.5 3.500v3h3M3 13l3.5-3.500M6.5 12.500v-3h-3",
  trash: "M3 4.500h10M6.5 4.500V3h3v1.500M4.5 4.500l.5 8.500h6l.5-8.5",
  up: "M8 12.500v-9M4.5 7 8 3.5 11.5 7",
  down: "M8 3.500v9M4.5 9 8 12.5 11.5 9",
  text: "M3.5 4h9M3.5 8h9M3.5 12h5.5",
  link: "M6.8 9.200a2.5 2.5 0 0 0 3.6 0l2-2a2.5 2.5 0 0 0-3.6-3.600l-.8.8M9.2 6.800a2.5 2.5 0 0 0-3.6 0l-2 2a2.5 2.5 0 0 0 3.6 3.600l.8-.8",
  node: "M3.5 4.500h9v7h-9zM2 8h1.500M12.5 8H14",
  file: "M4.5 2.500h5l2.5 2.500v8.500h-7.500zM9.5 2.500V5H12",
  data: "M3 4h10v8H3zM3 6.700h10M3 9.300h10M7 4v8",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  check: "M3.5 8.500l3 3 6-7",
  download: "M8 2.500v7.500M4.8 7 8 10.2 11.2 7M3 13h10",
  arrowIn: "M2.5 8H10M7 5l3 3-3 3M13 3.500v9",
  arrowOut: "M3 3.500v9M6 8h7.500M10.5 5l3 3-3 3",
  bold: "M5 3h3.500a2.4 2.4 0 0 1 0 4.900H5zM5 7.900h4.200a2.5 2.5 0 0 1 0 5.100H5z",
  italic: "M7 3h5M4 13h5M9.5 3l-3 10",
  strike:
    "M3 8h10M11 5c-.3-1.3-1.4-2-3-2s-3 .8-3 2c0 .8.4 1.3 1 1.700M5 11c.3 1.3 1.4 2 3 2s3-.8 3-2c0-.5-.1-.8-.4-1.2",
  code: "M5.5 5 2.5 8l3 3M10.5 5l3 3-3 3",
  bullets: "M6 4h7.500M6 8h7.500M6 12h7.500M3 4h.01M3 8h.01M3 12h.01",
  numbers: "M6.5 4h7M6.5 8h7M6.5 12h7M2.5 3.200l.8-.4v2.700M2.3 10.500h1.500l-1.5 2h1.6",
  tasks: "M2.5 4l1 1L5.2 3M2.5 11l1 1 1.7-2M7.5 4.200h6M7.5 11.200h6",
  quote: "M4 4v8M7 5h6.500M7 8h6.500M7 11h4",
  table: "M2.5 3.500h11v9h-11zM2.5 6.500h11M6.2 3.500v9M9.8 3.500v9",
  image: "M2.5 3.500h11v9h-11zM2.5 10.500l3-2.5 2.5 2 2.5-2.5 3 3M6 6.200h.01",
  signOut: "M9 3H3.500v10H9M7 8h7M11.5 5.5 14 8l-2.5 2.5",
  warning: "M8 2.5 14 13H2zM8 6.500v3M8 11.300h.01",
  cloudOff: "M3 3l10 10M5.5 5.500A3.5 3.5 0 0 0 4.5 12H11M7 4.200A3.5 3.5 0 0 1 11.5 7a2.5 2.5 0 0 1 2 3.8",
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon of 16 px. Decorative: what it stands for is said by the control around it. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      className="shrink-0"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
