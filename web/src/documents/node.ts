import * as Y from "yjs";
import { newId } from "../lib/id";

export type Side = "inputs" | "outputs";

/** What an item holds. Types that a newer client made are shown as `unknown`, and kept as they are. */
export type ItemKind = "text" | "link" | "node" | "file" | "data" | "unknown";

const KIND_OF_TYPE: Record<string, ItemKind> = {
  text: "text",
  external_link: "link",
  node_reference: "node",
  file: "file",
  structured_data: "data",
};

/** What a new item is to hold. */
export type NewItem =
  | { kind: "text"; label: string }
  | { kind: "link"; label: string; url: string }
  | { kind: "node"; label: string; sourceNodeId: string }
  | { kind: "file"; label: string; fileId: string };

/** A node's own document: the one place of the studio that knows the shape of a `node:<id>` document. */
export class NodeDocument {
  readonly doc: Y.Doc;
  readonly body: Y.XmlFragment;
  readonly inputs: Y.Array<Y.Map<unknown>>;
  readonly outputs: Y.Array<Y.Map<unknown>>;
  /** What agents offer to change. What REST tells of it, as Markdown, is read there. */
  readonly proposals: Y.Map<unknown>;
  readonly undo: Y.UndoManager;

  constructor(doc: Y.Doc) {
    this.doc = doc;
    this.body = doc.getXmlFragment("body");
    this.inputs = doc.getArray("inputs");
    this.outputs = doc.getArray("outputs");
    this.proposals = doc.getMap("proposals");
    this.undo = new Y.UndoManager([this.inputs, this.outputs], {
      trackedOrigins: new Set([this]),
      captureTimeout: Number.MAX_SAFE_INTEGER,
    });
  }

  destroy(): void {
    this.undo.destroy();
  }

  /** The text that a proposal would put somewhere, as it is being written. */
  proposedText(id: string): Y.XmlFragment | null {
    const text = this.#proposal(id)?.get("text");
    return text instanceof Y.XmlFragment ? text : null;
  }

  /** The block of the body that a proposal would replace first, or behind which it would insert; null: none that is there. */
  blockOfProposal(id: string): number | null {
    const place = this.#proposal(id)?.get("place");
    if (!Array.isArray(place)) return null;
    const [client, clock] = place as unknown[];
    const isThere = (block: Y.XmlElement | Y.XmlText | Y.XmlHook) =>
      block._item?.id.client === client && block._item?.id.clock === clock;
    const index = this.body.toArray().findIndex(isThere);
    return index < 0 ? null : index;
  }

  #proposal(id: string): Y.Map<unknown> | null {
    const proposal = this.proposals.get(id);
    return proposal instanceof Y.Map ? proposal : null;
  }

  list(side: Side): Y.Array<Y.Map<unknown>> {
    return side === "inputs" ? this.inputs : this.outputs;
  }

  addItem(side: Side, content: NewItem, createdBy: string | null): void {
    this.#step(() => {
      const list = this.list(side);
      const last = sortedItems(list).at(-1);
      const item = newItem(content, last ? sortOrderOf(last) + 1 : 0);
      if (createdBy) item.set("provenance", { userId: createdBy, createdAt: new Date().toISOString() });
      list.push([item]);
    });
  }

  setLabel(item: Y.Map<unknown>, label: string): void {
    if (item.get("label") === label) return;
    this.#step(() => item.set("label", label));
  }

  setUrl(item: Y.Map<unknown>, url: string): void {
    if (item.get("url") === url) return;
    this.#step(() => item.set("url", url));
  }

  /** Applies an edit of a plain text item. Keystrokes join the step before until `pause`. */
  editText(text: Y.Text, next: string): void {
    this.doc.transact(() => replaceText(text, next), this);
  }

  /** Ends the step that keystrokes join. */
  pause(): void {
    this.undo.stopCapturing();
  }

  removeItem(side: Side, item: Y.Map<unknown>): void {
    const index = this.list(side).toArray().indexOf(item);
    if (index >= 0) this.#step(() => this.list(side).delete(index, 1));
  }

  /** Moves an item one place up or down. Only its order changes, so that what others write in it is kept. */
  moveItem(side: Side, item: Y.Map<unknown>, by: -1 | 1): void {
    const items = sortedItems(this.list(side));
    const from = items.indexOf(item);
    if (from < 0 || !items[from + by]) return;
    this.#step(() => renumber(items, from, from + by));
  }

  #step(change: () => void): void {
    this.undo.stopCapturing();
    this.doc.transact(change, this);
    this.undo.stopCapturing();
  }
}

function newItem(content: NewItem, sortOrder: number): Y.Map<unknown> {
  const item = new Y.Map<unknown>();
  item.set("id", newId());
  item.set("label", content.label);
  item.set("sortOrder", sortOrder);
  item.set("metadata", new Y.Map<unknown>());
  if (content.kind === "text") {
    item.set("type", "text");
    item.set("text", new Y.XmlFragment());
  } else if (content.kind === "link") {
    item.set("type", "external_link");
    item.set("url", content.url);
  } else if (content.kind === "file") {
    item.set("type", "file");
    item.set("fileId", content.fileId);
  } else {
    item.set("type", "node_reference");
    item.set("sourceNodeId", content.sourceNodeId);
  }
  return item;
}

/** The items in the order that people see: by sort order, then by place in the list. */
export function sortedItems(list: Y.Array<Y.Map<unknown>>): Y.Map<unknown>[] {
  return list
    .toArray()
    .filter((item) => item instanceof Y.Map)
    .map((item, index) => ({ item, index }))
    .sort((a, b) => sortOrderOf(a.item) - sortOrderOf(b.item) || a.index - b.index)
    .map(({ item }) => item);
}

function sortOrderOf(item: Y.Map<unknown>): number {
  const order = item.get("sortOrder");
  return typeof order === "number" && Number.isFinite(order) ? order : 0;
}

function renumber(items: Y.Map<unknown>[], from: number, to: number): void {
  const order = [...items];
  const [moved] = order.splice(from, 1);
  if (moved) order.splice(to, 0, moved);
  order.forEach((item, index) => {
    if (item.get("sortOrder") !== index) item.set("sortOrder", index);
  });
}

export function kindOf(item: Y.Map<unknown>): ItemKind {
  const type = item.get("type");
  return typeof type === "string" ? (KIND_OF_TYPE[type] ?? "unknown") : "unknown";
}

/** The identity of an item, for lists. */
export function idOf(item: Y.Map<unknown>): string {
  const id = item.get("id");
  return typeof id === "string" ? id : "";
}

/** Turns `text` into `next` by replacing only what lies between their common start and end. */
export function replaceText(text: Y.Text, next: string): void {
  const old = text.toString();
  if (old === next) return;
  let start = 0;
  while (start < old.length && start < next.length && old[start] === next[start]) start += 1;
  if (isHighSurrogate(old, start - 1)) start -= 1;
  let end = 0;
  const most = Math.min(old.length, next.length) - start;
  while (end < most && old[old.length - 1 - end] === next[next.length - 1 - end]) end += 1;
  if (end > 0 && isHighSurrogate(old, old.length - end - 1)) end -= 1;
  const removed = old.length - start - end;
  if (removed > 0) text.delete(start, removed);
  const added = next.slice(start, next.length - end);
  if (added) text.insert(start, added);
}

/** Whether a pair of code units, which must not be torn apart, starts at `index`. */
function isHighSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** The node that an item names, as text. */
export function sourceNodeOf(item: Y.Map<unknown>): string | null {
  const id = item.get("sourceNodeId");
  return typeof id === "string" ? id : null;
}

/** The file that an item holds. */
export function fileOf(item: Y.Map<unknown>): string | null {
  const id = item.get("fileId");
  return typeof id === "string" ? id : null;
}
