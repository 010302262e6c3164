import { type Edge, type Node, Position } from "@xyflow/react";
import * as Y from "yjs";
import { type Box, boxOf, type Canvas, isDeleted, type Point, titleOf } from "../documents/canvas";
import { edgesOnCycles, type Link } from "../documents/cycles";
import { derivedStore, type Store, sameList, Value } from "../lib/external-store";

export type FlowNode = Node<Record<string, never>, "card">;
/** `route`: points that the edge leads through, each the left end of a stretch of the width of a card of the graph. */
export type FlowEdge = Edge<{ conflict: boolean; route?: Route }, "link">;
export interface Route {
  points: readonly Point[];
  stretch: number;
}

export interface Selection {
  nodes: ReadonlySet<string>;
  edges: ReadonlySet<string>;
}

const NOTHING: Selection = { nodes: new Set(), edges: new Set() };
const NO_DATA: Record<string, never> = {};
const PLACED: ReadonlySet<string> = new Set(["x", "y", "width", "height", "deletedAt"]);
const LISTED: ReadonlySet<string> = new Set(["deletedAt"]);
const NAMED: ReadonlySet<string> = new Set(["deletedAt", "title"]);

/**
 * What React Flow is given: views of the canvas document and of the selection. An entry keeps its identity until
 * its own place or selection changes, so that a change of one node renders one node.
 */
export class FlowModel {
  readonly selection = new Value<Selection>(NOTHING);
  readonly nodes: Store<readonly FlowNode[]>;
  readonly edges: Store<readonly FlowEdge[]>;
  /** The edges by what they join. */
  readonly links: Store<readonly Link[]>;
  readonly #canvas: Canvas;
  readonly #conflicts: Store<ReadonlySet<string>>;
  #nodeCache = new Map<string, FlowNode>();
  #edgeCache = new Map<string, FlowEdge>();

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
    this.nodes = derivedStore(
      (changed) => together(watchNodes(canvas, PLACED, changed), this.selection.subscribe(changed)),
      () => this.#readNodes(),
      sameList,
    );
    this.links = derivedStore(
      (changed) => {
        canvas.edges.observeDeep(changed);
        return together(watchNodes(canvas, LISTED, changed), () => canvas.edges.unobserveDeep(changed));
      },
      () => canvas.links(),
    );
    this.#conflicts = derivedStore(this.links.subscribe, () => edgesOnCycles(this.links.get()));
    this.edges = derivedStore(
      (changed) =>
        together(
          this.links.subscribe(changed),
          this.#conflicts.subscribe(changed),
          watchNodes(canvas, NAMED, changed),
          this.selection.subscribe(changed),
        ),
      () => this.#readEdges(),
      sameList,
    );
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.selection.set({ nodes: new Set(nodes), edges: new Set(edges) });
  }

  /** Applies what React Flow reports about selecting. */
  applySelection(kind: "nodes" | "edges", changes: Iterable<{ id: string; selected: boolean }>): void {
    const before = this.selection.get();
    const after = new Set(before[kind]);
    for (const { id, selected } of changes) {
      if (selected) after.add(id);
      else after.delete(id);
    }
    this.selection.set({ ...before, [kind]: after });
  }

  /** The one selected node, if it is the only one. */
  get onlyNode(): string | null {
    const { nodes } = this.selection.get();
    const [first] = nodes;
    return nodes.size === 1 && first !== undefined && this.#canvas.node(first) ? first : null;
  }

  #readNodes(): FlowNode[] {
    const selected = this.selection.get().nodes;
    const cache = new Map<string, FlowNode>();
    // One card is in the tab order: the selected one, or else the first.
    const [chosen] = selected;
    const tabStop = chosen !== undefined && this.#canvas.node(chosen) ? chosen : null;
    for (const [id, node] of this.#canvas.nodes) {
      if (!(node instanceof Y.Map) || isDeleted(node)) continue;
      const reachable = tabStop === null ? cache.size === 0 : id === tabStop;
      const known = this.#nodeCache.get(id);
      cache.set(id, flowNode(id, boxOf(node), selected.has(id), reachable, known));
    }
    this.#nodeCache = cache;
    return [...cache.values()];
  }

  #readEdges(): FlowEdge[] {
    const selected = this.selection.get().edges;
    const conflicts = this.#conflicts.get();
    const cache = new Map<string, FlowEdge>();
    for (const link of this.links.get()) {
      const conflict = conflicts.has(link.id);
      const from = titleOf(this.#canvas.node(link.source));
      const to = titleOf(this.#canvas.node(link.target));
      const label = `Edge from ${from} to ${to}${conflict ? ", part of a cycle" : ""}`;
      cache.set(
        link.id,
        flowEdge(link, label, conflict, selected.has(link.id), this.#edgeCache.get(link.id)),
      );
    }
    this.#edgeCache = cache;
    return [...cache.values()];
  }
}

/** Calls `changed` when nodes come or go, or when one of these keys of a node is set. */
function watchNodes(canvas: Canvas, keys: ReadonlySet<string>, changed: () => void): () => void {
  const observe: Parameters<typeof canvas.nodes.observeDeep>[0] = (events) => {
    const relevant = events.some((event) => {
      if (event.path.length === 0) return true;
      if (event.path.length > 1 || !(event instanceof Y.YMapEvent)) return false;
      return [...event.keysChanged].some((name) => keys.has(name));
    });
    if (relevant) changed();
  };
  canvas.nodes.observeDeep(observe);
  return () => canvas.nodes.unobserveDeep(observe);
}

function together(...ends: (() => void)[]): () => void {
  return () => {
    for (const end of ends) end();
  };
}

function flowNode(id: string, box: Box, selected: boolean, reachable: boolean, known?: FlowNode): FlowNode {
  const tabIndex = reachable ? 0 : -1;
  if (
    known &&
    known.position.x === box.x &&
    known.position.y === box.y &&
    known.width === box.width &&
    known.height === box.height &&
    known.selected === selected &&
    known.domAttributes?.tabIndex === tabIndex
  ) {
    return known;
  }
  const middle = box.height / 2;
  return {
    id,
    type: "card",
    data: NO_DATA,
    position: { x: box.x, y: box.y },
    width: box.width,
    height: box.height,
    // Sizes and handles are known beforehand: edges to cards that are out of view are drawn without measuring them.
    measured: { width: box.width, height: box.height },
    handles: [
      { type: "target", position: Position.Left, x: -6, y: middle - 6, width: 12, height: 12 },
      { type: "source", position: Position.Right, x: box.width - 6, y: middle - 6, width: 12, height: 12 },
    ],
    selected,
    ariaRole: "group",
    domAttributes: { tabIndex, "aria-labelledby": titleElementId(id) },
  };
}

/** The element that names a card. */
export function titleElementId(nodeId: string): string {
  return `title-${nodeId}`;
}

function flowEdge(
  link: Link,
  label: string,
  conflict: boolean,
  selected: boolean,
  known?: FlowEdge,
): FlowEdge {
  if (
    known &&
    known.source === link.source &&
    known.target === link.target &&
    known.ariaLabel === label &&
    known.selected === selected &&
    known.data?.conflict === conflict
  ) {
    return known;
  }
  const { id, source, target } = link;
  return {
    id,
    source,
    target,
    type: "link",
    selected,
    data: { conflict },
    ariaLabel: label,
    zIndex: selected ? 1 : 0,
  };
}
