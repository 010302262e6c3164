import { type Node, Position } from "@xyflow/react";
import type { FlowEdge, FlowNode } from "../canvas/flow-model";
import type { Link } from "../documents/cycles";
import { GRAPH_CARD, type GraphLayout } from "./layout";

export type GraphNode = Node<{ isAside: boolean }, "graph">;

/** The nodes as React Flow draws them. What has nothing to do with `chain` stands back. */
export function graphNodes(
  nodes: readonly FlowNode[],
  { places }: GraphLayout,
  chain: ReadonlySet<string> | null,
): GraphNode[] {
  return nodes.flatMap(({ id, selected, domAttributes }) => {
    const position = places.get(id);
    if (!position) return [];
    return [
      {
        id,
        type: "graph" as const,
        position,
        ...GRAPH_CARD,
        measured: GRAPH_CARD,
        handles: HANDLES,
        selected,
        data: { isAside: chain !== null && !chain.has(id) },
        ariaRole: "group" as const,
        domAttributes: { tabIndex: domAttributes?.tabIndex, "aria-labelledby": graphTitleId(id) },
      },
    ];
  });
}

const MIDDLE = GRAPH_CARD.height / 2 - 6;
const HANDLES = [
  { type: "target" as const, position: Position.Left, x: -6, y: MIDDLE, width: 12, height: 12 },
  {
    type: "source" as const,
    position: Position.Right,
    x: GRAPH_CARD.width - 6,
    y: MIDDLE,
    width: 12,
    height: 12,
  },
];

/** The element that names a node of the graph. */
export function graphTitleId(nodeId: string): string {
  return `graph-title-${nodeId}`;
}

/** The edges by their routes, of which those outside of `chain` stand back. */
export function graphEdges(
  edges: readonly FlowEdge[],
  { routes }: GraphLayout,
  chain: ReadonlySet<string> | null,
): FlowEdge[] {
  return edges.map((edge) => {
    const isAside = chain !== null && !(chain.has(edge.source) && chain.has(edge.target));
    const points = routes.get(edge.id);
    const route = points && { points, stretch: GRAPH_CARD.width };
    return {
      ...edge,
      data: { conflict: edge.data?.conflict ?? false, route },
      className: isAside ? "aside" : undefined,
    };
  });
}

/** A node, all that feeds it, and all that it feeds. */
export function chainOf(id: string, links: readonly Pick<Link, "source" | "target">[]): Set<string> {
  const chain = new Set<string>([id]);
  for (const [from, to] of [
    ["source", "target"],
    ["target", "source"],
  ] as const) {
    const next = new Map<string, string[]>();
    for (const link of links) next.set(link[from], [...(next.get(link[from]) ?? []), link[to]]);
    const seen = new Set([id]);
    for (const at of seen) for (const other of next.get(at) ?? []) seen.add(other);
    for (const member of seen) chain.add(member);
  }
  return chain;
}
