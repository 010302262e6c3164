/** What edges end with. */
export function ArrowHead() {
  return (
    <svg aria-hidden className="absolute size-0">
      <defs>
        <marker
          id="link-arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          orient="auto"
        >
          <path
            d="M1 1l6 3-6 3"
            fill="none"
            stroke="context-stroke"
            strokeWidth="1.4"
            strokeLinecap="round"
          />
        </marker>
      </defs>
    </svg>
  );
}
