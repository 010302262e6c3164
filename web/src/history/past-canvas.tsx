import { useMemo } from "react";
import * as Y from "yjs";
import { useStates } from "../canvas/canvas-context";
import { type Box, boxOf, Canvas, titleOf } from "../documents/canvas";
import type { Link } from "../documents/cycles";
import { plural } from "../lib/text";
import { StatusPill } from "../ui/status-pill";
import { LongList } from "./long-list";

interface PastNode {
  id: string;
  title: string;
  status: string;
  box: Box;
}

interface Past {
  nodes: PastNode[];
  links: Link[];
}

/** A canvas as it was: drawn small, and its nodes by name. */
export function PastCanvas({ state }: { state: Uint8Array }) {
  const { nodes, links } = useMemo(() => read(state), [state]);
  const states = useStates();
  if (nodes.length === 0) {
    return <p className="py-8 text-center text-sm text-muted">No node was on the canvas.</p>;
  }
  return (
    <div className="grid gap-4">
      <Sketch nodes={nodes} links={links} />
      <LongList heading={plural(nodes.length, "node")} items={nodes}>
        {({ id, title, status }) => (
          <li key={id} className="flex items-center justify-between gap-2 text-[13px]">
            <span className="min-w-0 truncate font-medium">{title}</span>
            <StatusPill status={status} states={states} />
          </li>
        )}
      </LongList>
    </div>
  );
}

function read(state: Uint8Array): Past {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, state);
  const canvas = new Canvas(doc);
  const nodes = [...canvas.nodes.keys()].flatMap((id) => {
    const node = canvas.node(id);
    return node
      ? { id, title: titleOf(node), status: String(node.get("status") ?? ""), box: boxOf(node) }
      : [];
  });
  const links = canvas.links();
  canvas.destroy();
  doc.destroy();
  return { nodes: nodes.sort((a, b) => a.title.localeCompare(b.title)), links };
}

/** Around the nodes, in canvas units. */
const MARGIN = 40;
/** Characters of a title that fit on a card whose letters are this large. */
const TITLE = { fontSize: 26, length: 15 } as const;

function Sketch({ nodes, links }: Past) {
  const boxes = new Map(nodes.map(({ id, box }) => [id, box]));
  return (
    <svg
      role="img"
      aria-label={`The canvas with ${plural(nodes.length, "node")} and ${plural(links.length, "edge")}`}
      viewBox={viewBoxOf(nodes.map(({ box }) => box))}
      className="max-h-80 w-full rounded-lg bg-ground"
    >
      {links.map(({ id, source, target }) => (
        <path
          key={id}
          d={linkPath(boxes.get(source), boxes.get(target))}
          fill="none"
          stroke="var(--color-line-strong)"
          vectorEffect="non-scaling-stroke"
        />
      ))}
      {nodes.map(({ id, title, box }) => (
        <g key={id}>
          <rect
            {...box}
            rx={16}
            fill="var(--color-surface)"
            stroke="var(--color-line-strong)"
            vectorEffect="non-scaling-stroke"
          />
          <text x={box.x + 16} y={box.y + 44} fontSize={TITLE.fontSize} fill="var(--color-ink)">
            {shortened(title)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function viewBoxOf(boxes: readonly Box[]): string {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of boxes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  return `${left - MARGIN} ${top - MARGIN} ${right - left + 2 * MARGIN} ${bottom - top + 2 * MARGIN}`;
}

function linkPath(source: Box | undefined, target: Box | undefined): string {
  if (!source || !target) return "";
  const [x1, y1] = [source.x + source.width, source.y + source.height / 2];
  const [x2, y2] = [target.x, target.y + target.height / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
}

function shortened(title: string): string {
  const letters = Array.from(title);
  return letters.length > TITLE.length
    ? `${letters
        .slice(0, TITLE.length - 1)
        .join("")
        .trimEnd()}…`
    : title;
}
