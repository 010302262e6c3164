import type { Authorship, FieldChange } from "../api/history";

/** What became of a node, or of an edge. */
export type Fate = "added" | "restored" | "changed" | "deleted";

export interface NodeChange {
  id: string;
  fate: Fate;
  /** Its title, where the change tells it. */
  title: string | null;
  /** Who added, restored or deleted it. */
  by?: Authorship;
  /** Where it is, or how large: who changed it last. */
  place: FieldChange | null;
  /** What else of it changed; paths begin at the node. */
  fields: FieldChange[];
}

export interface EdgeChange {
  id: string;
  fate: Fate;
  /** The ids of its nodes, where the change tells them. */
  source: string | null;
  target: string | null;
  by?: Authorship;
}

export interface CanvasDiff {
  nodes: NodeChange[];
  edges: EdgeChange[];
  /** Paths begin at the project. */
  project: FieldChange[];
}

/** What is different of a canvas, by node and by edge. What is in the trash before and after is left out. */
export function canvasDiff(fields: readonly FieldChange[]): CanvasDiff {
  return {
    nodes: [...byId(fields, "nodes")].flatMap(([id, changes]) => nodeChange(id, changes) ?? []),
    edges: [...byId(fields, "edges")].map(([id, changes]) => edgeChange(id, changes)),
    project: fields.filter(({ path }) => path[0] === "project").map((field) => below(field, 1)),
  };
}

function byId(fields: readonly FieldChange[], root: string): Map<string, FieldChange[]> {
  const groups = new Map<string, FieldChange[]>();
  for (const field of fields) {
    const [first, id] = field.path;
    if (first !== root || id === undefined) continue;
    groups.set(id, [...(groups.get(id) ?? []), below(field, 2)]);
  }
  return groups;
}

/** A change as it is seen from further in. An absent value of a canvas is null: it is told as absent. */
function below({ path, before, after, by }: FieldChange, depth: number): FieldChange {
  return { path: path.slice(depth), before: before ?? undefined, after: after ?? undefined, by };
}

/** What is told by other means than its value. */
const SILENT: ReadonlySet<string> = new Set(["deletedAt", "createdAt"]);
const PLACE: ReadonlySet<string> = new Set(["x", "y", "width", "height"]);

function nodeChange(id: string, changes: readonly FieldChange[]): NodeChange | null {
  const whole = changes.find(({ path }) => path.length === 0);
  if (whole) return addedOrDeleted(id, whole);
  const at = (key: string) => changes.find(({ path }) => path[0] === key);
  const trash = at("deletedAt");
  return {
    id,
    fate: trash ? (trash.after === undefined ? "restored" : "deleted") : "changed",
    title: textOf(at("title")?.after),
    by: trash?.by,
    place: changes.filter(({ path }) => PLACE.has(path[0] ?? "")).reduce(later, null),
    fields: changes.filter(({ path: [key = ""] }) => !SILENT.has(key) && !PLACE.has(key)),
  };
}

function addedOrDeleted(id: string, { before, after, by }: FieldChange): NodeChange | null {
  const [was, is] = [membersOf(before), membersOf(after)];
  const [wasShown, isShown] = [was, is].map((node) => node !== null && node.deletedAt == null);
  if (wasShown === isShown) return null;
  const title = textOf((is ?? was)?.title);
  return { id, fate: isShown ? "added" : "deleted", title, by, place: null, fields: [] };
}

function edgeChange(id: string, changes: readonly FieldChange[]): EdgeChange {
  const whole = changes.find(({ path }) => path.length === 0);
  const [was, is] = [membersOf(whole?.before), membersOf(whole?.after)];
  const ends = is ?? was;
  return {
    id,
    fate: whole ? (is ? "added" : "deleted") : "changed",
    source: textOf(ends?.sourceNodeId),
    target: textOf(ends?.targetNodeId),
    by: (whole ?? changes.reduce(later, null))?.by,
  };
}

function later(last: FieldChange | null, change: FieldChange): FieldChange {
  return last && (last.by?.lastSeq ?? 0) >= (change.by?.lastSeq ?? 0) ? last : change;
}

function membersOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() ? value : null;
}
