import * as Y from "yjs";
import { newId } from "../lib/id";
import { closesCycle, edgesClosingCycle, type Link } from "./cycles";

/** The width and height of a card that says nothing else, in canvas units. */
export const CARD = { width: 240, height: 104 } as const;

/** The states of a project that names none. */
export const DEFAULT_STATES = ["draft", "in_progress", "complete"] as const;

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

/** Why an edge was not drawn. */
export type ConnectRefusal = "same-node" | "exists" | "cycle" | "gone";

/** Why a node was not put inside another. */
export type NestRefusal = "inside-itself" | "gone";

/** What a new node begins with. */
export interface NewNode {
  userId: string | null;
  status: string;
  title?: string;
  parentId?: string | null;
}

/** The keys of a node that hold text and are set directly. */
export type NodeTextKey = "title" | "status";

/**
 * A project's canvas: the one place of the studio that knows the shape of a `project:<id>` document. Every change
 * is one transaction with this object as its origin, and one step of undo.
 */
export class Canvas {
  readonly doc: Y.Doc;
  readonly project: Y.Map<unknown>;
  readonly nodes: Y.Map<Y.Map<unknown>>;
  readonly edges: Y.Map<Y.Map<unknown>>;
  readonly undo: Y.UndoManager;

  constructor(doc: Y.Doc) {
    this.doc = doc;
    this.project = doc.getMap("project");
    this.nodes = doc.getMap("nodes");
    this.edges = doc.getMap("edges");
    this.undo = new Y.UndoManager([this.nodes, this.edges], {
      trackedOrigins: new Set([this]),
      captureTimeout: Number.MAX_SAFE_INTEGER,
    });
  }

  destroy(): void {
    this.undo.destroy();
  }

  /** The node, unless there is none or it is in the trash. */
  node(id: string): Y.Map<unknown> | null {
    const node = this.nodes.get(id);
    return node instanceof Y.Map && !isDeleted(node) ? node : null;
  }

  /** Adds a node and returns its id. */
  addNode(at: Point, author: NewNode): string {
    const id = newId();
    const now = new Date().toISOString();
    // It is born in the trash and taken out of it in a step of its own: to undo a creation is then to put the node
    // back into the trash, where what others wrote on it meanwhile is kept.
    this.doc.transact(() => this.nodes.set(id, newNode(at, now, author)));
    this.#step(() => this.nodes.get(id)?.delete("deletedAt"));
    return id;
  }

  /** Moves nodes. Frames of one drag become one step of undo between `beginStep` and `endStep`. */
  moveNodes(moves: ReadonlyMap<string, Point>): void {
    this.doc.transact(() => {
      for (const [id, { x, y }] of moves) {
        const node = this.node(id);
        if (!node) continue;
        if (node.get("x") !== x) node.set("x", x);
        if (node.get("y") !== y) node.set("y", y);
      }
    }, this);
  }

  beginStep(): void {
    this.undo.stopCapturing();
  }

  endStep(): void {
    this.undo.stopCapturing();
  }

  /** Sets a text of a node. Not a step of its own, so that typing a title is one step from focus to blur. */
  setText(id: string, key: NodeTextKey, value: string): void {
    const node = this.node(id);
    if (!node || node.get(key) === value) return;
    this.doc.transact(() => node.set(key, value), this);
  }

  /** Sets a text of a node, as one step. */
  changeText(id: string, key: NodeTextKey, value: string): void {
    this.#step(() => this.setText(id, key, value));
  }

  /** Sets or removes (`null`) a member of a node's metadata. */
  setMetadata(id: string, key: string, value: string | string[] | null): void {
    const node = this.node(id);
    if (!node) return;
    this.#step(() => {
      const metadata = metadataOf(node) ?? node.set("metadata", new Y.Map<unknown>());
      if (value === null) metadata.delete(key);
      else metadata.set(key, value);
    });
  }

  /** Puts nodes inside another, or at the top (`null`), as one step; or says why not. */
  nest(ids: ReadonlySet<string>, parentId: string | null): NestRefusal | null {
    const refusal = this.nestRefusal(ids, parentId);
    if (refusal) return refusal;
    this.#step(() => {
      for (const id of ids) {
        const node = this.node(id);
        if (!node || (node.get("parentId") ?? null) === parentId) continue;
        if (parentId === null) node.delete("parentId");
        else node.set("parentId", parentId);
      }
    });
    return null;
  }

  nestRefusal(ids: ReadonlySet<string>, parentId: string | null): NestRefusal | null {
    if (parentId === null) return null;
    if (!this.node(parentId)) return "gone";
    return [parentId, ...this.ancestors(parentId)].some((id) => ids.has(id)) ? "inside-itself" : null;
  }

  /** The nodes that a node is inside, from the nearest on; each once, even if they are inside each other. */
  ancestors(id: string): string[] {
    const seen = new Set<string>();
    for (let above = parentOf(this.node(id)); above !== null; above = parentOf(this.node(above))) {
      if (seen.has(above) || !this.node(above)) break;
      seen.add(above);
    }
    return [...seen];
  }

  /** Draws an edge, or says why not. */
  connect(source: string, target: string): ConnectRefusal | null {
    const refusal = this.connectRefusal(source, target);
    if (refusal) return refusal;
    this.#step(() => {
      const edge = new Y.Map<unknown>();
      edge.set("sourceNodeId", source);
      edge.set("targetNodeId", target);
      this.edges.set(newId(), edge);
    });
    return null;
  }

  connectRefusal(source: string, target: string): ConnectRefusal | null {
    if (source === target) return "same-node";
    if (!this.node(source) || !this.node(target)) return "gone";
    const links = this.links();
    if (links.some((link) => link.source === source && link.target === target)) return "exists";
    return closesCycle(links, source, target) ? "cycle" : null;
  }

  /** The edges between nodes that are not in the trash. */
  links(): Link[] {
    const links: Link[] = [];
    for (const [id, edge] of this.edges) {
      const source = edge.get("sourceNodeId");
      const target = edge.get("targetNodeId");
      if (typeof source !== "string" || typeof target !== "string") continue;
      if (this.node(source) && this.node(target)) links.push({ id, source, target });
    }
    return links;
  }

  /**
   * Puts nodes into the trash and removes the edges that are named, as one step. The edges of the nodes stay in the
   * document, where nothing shows them, and come back with the nodes.
   */
  remove(nodeIds: ReadonlySet<string>, edgeIds: ReadonlySet<string> = new Set()): void {
    const now = new Date().toISOString();
    this.#step(() => {
      for (const id of nodeIds) this.node(id)?.set("deletedAt", now);
      for (const id of edgeIds) this.edges.delete(id);
    });
  }

  /**
   * Takes a node out of the trash, and its edges with it, but for those that would close a cycle by now: these go.
   * @returns how many went
   */
  restore(id: string): number {
    const node = this.nodes.get(id);
    if (!(node instanceof Y.Map) || !isDeleted(node)) return 0;
    let closing: string[] = [];
    this.#step(() => {
      node.delete("deletedAt");
      closing = edgesClosingCycle(this.links(), id);
      for (const edge of closing) this.edges.delete(edge);
    });
    return closing.length;
  }

  #step(change: () => void): void {
    this.beginStep();
    this.doc.transact(change, this);
    this.endStep();
  }
}

function newNode(at: Point, now: string, author: NewNode) {
  const node = new Y.Map<unknown>();
  node.set("title", author.title ?? "");
  node.set("status", author.status);
  node.set("authorType", "human");
  if (author.userId) node.set("authorUserId", author.userId);
  if (author.parentId) node.set("parentId", author.parentId);
  node.set("x", at.x);
  node.set("y", at.y);
  node.set("metadata", new Y.Map<unknown>());
  node.set("createdAt", now);
  node.set("deletedAt", now);
  return node;
}

export function isDeleted(node: Y.Map<unknown>): boolean {
  const deletedAt = node.get("deletedAt");
  return deletedAt !== undefined && deletedAt !== null;
}

/** Where a node is and how large its card is. */
export function boxOf(node: Y.Map<unknown>): Box {
  return {
    x: finite(node.get("x"), 0),
    y: finite(node.get("y"), 0),
    width: Math.max(CARD.width, finite(node.get("width"), CARD.width)),
    height: Math.max(CARD.height, finite(node.get("height"), CARD.height)),
  };
}

function finite(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

export function titleOf(node: Y.Map<unknown> | null | undefined): string {
  const title = node?.get("title");
  return typeof title === "string" && title.trim() ? title : "Untitled";
}

/** The node that a node says it is inside, whether there is such a node or not. */
export function parentOf(node: Y.Map<unknown> | null | undefined): string | null {
  const parent = node?.get("parentId");
  return typeof parent === "string" && parent ? parent : null;
}

export function metadataOf(node: Y.Map<unknown>): Y.Map<unknown> | null {
  const metadata = node.get("metadata");
  return metadata instanceof Y.Map ? metadata : null;
}

/** The list of strings that a value holds, whether it is plain or shared. */
export function stringsOf(value: unknown): string[] {
  const list: unknown = value instanceof Y.Array ? value.toArray() : value;
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === "string") : [];
}
