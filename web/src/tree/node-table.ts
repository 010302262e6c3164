import * as Y from "yjs";
import { type Canvas, metadataOf, parentOf, stringsOf } from "../documents/canvas";
import { derivedStore, type Store, sameData } from "../lib/external-store";

/** What a row of the tree says of a node. */
export interface NodeFacts {
  id: string;
  parentId: string | null;
  title: string;
  status: string;
  isAgent: boolean;
  authorId: string;
  priority: string;
  /** A day, as `2026-11-21`; empty: none. */
  dueDate: string;
  tags: readonly string[];
  createdAt: string;
}

/** The keys of a node that no row shows. */
const PLACE: ReadonlySet<string> = new Set(["x", "y", "width", "height"]);

/**
 * The nodes of a canvas as rows. A change costs as much as it changed: of ten thousand nodes only those are read again
 * that somebody edited, and a row that is the same keeps its identity.
 */
export class NodeTable {
  readonly rows: Store<ReadonlyMap<string, NodeFacts>>;
  readonly #canvas: Canvas;
  readonly #onEdit = new Set<(ids: ReadonlySet<string>) => void>();
  #known: ReadonlyMap<string, NodeFacts> = new Map();
  /** The nodes to be read again; null: all. */
  #edited: Set<string> | null = null;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
    this.rows = derivedStore(
      (changed) => this.#watch(changed),
      () => this.#read(),
      Object.is,
    );
  }

  /** Tells which nodes were edited, by whomever, while the rows are watched. */
  onEdit(listener: (ids: ReadonlySet<string>) => void): () => void {
    this.#onEdit.add(listener);
    return () => this.#onEdit.delete(listener);
  }

  #watch(changed: () => void): () => void {
    const observe = (events: Y.YEvent<Y.AbstractType<unknown>>[]) => {
      const edited = editedNodes(events);
      if (edited.size === 0) return;
      for (const id of edited) this.#edited?.add(id);
      changed();
      for (const listener of this.#onEdit) listener(edited);
    };
    this.#edited = null;
    this.#canvas.nodes.observeDeep(observe);
    return () => {
      this.#canvas.nodes.unobserveDeep(observe);
      this.#edited = null;
    };
  }

  #read(): ReadonlyMap<string, NodeFacts> {
    const edited = this.#edited ?? new Set(this.#canvas.nodes.keys());
    const next = new Map(this.#edited ? this.#known : []);
    let isSame = next.size === this.#known.size;
    for (const id of edited) {
      const before = this.#known.get(id);
      const facts = factsOf(id, this.#canvas.node(id));
      const kept = before && facts && sameData(before, facts) ? before : facts;
      if (kept !== before) isSame = false;
      if (kept) next.set(id, kept);
      else next.delete(id);
    }
    this.#edited = new Set();
    if (!isSame) this.#known = next;
    return this.#known;
  }
}

function editedNodes(events: readonly Y.YEvent<Y.AbstractType<unknown>>[]): Set<string> {
  const edited = new Set<string>();
  for (const event of events) {
    const [id] = event.path;
    if (id === undefined) {
      if (event instanceof Y.YMapEvent) for (const key of event.keysChanged) edited.add(String(key));
    } else if (event.path.length > 1 || !(event instanceof Y.YMapEvent) || !isPlaceOnly(event.keysChanged)) {
      edited.add(String(id));
    }
  }
  return edited;
}

function isPlaceOnly(keys: ReadonlySet<unknown>): boolean {
  return [...keys].every((key) => PLACE.has(String(key)));
}

function factsOf(id: string, node: Y.Map<unknown> | null): NodeFacts | null {
  if (!node) return null;
  const metadata = metadataOf(node);
  return {
    id,
    parentId: parentOf(node),
    title: textOf(node, "title").trim(),
    status: textOf(node, "status"),
    isAgent: node.get("authorType") === "agent",
    authorId: textOf(node, "authorUserId"),
    priority: textOf(metadata, "priority"),
    dueDate: textOf(metadata, "dueDate").slice(0, 10),
    tags: stringsOf(metadata?.get("tags")),
    createdAt: textOf(node, "createdAt"),
  };
}

function textOf(map: Y.Map<unknown> | null, key: string): string {
  const value = map?.get(key);
  return typeof value === "string" ? value : "";
}
