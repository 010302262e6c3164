import type { NodeFacts } from "./node-table";

/** A row that is shown, and where in the tree it is. */
export interface TreeRow {
  node: NodeFacts;
  /** 1 at the top. */
  level: number;
  hasChildren: boolean;
  isExpanded: boolean;
  /** Its place among its siblings, from 1, and how many they are. */
  position: number;
  siblings: number;
  /** Whether it was looked for, or is there only because something inside it was. */
  isMatch: boolean;
  /** It is inside something that is inside it: two people moved two nodes at the same moment. */
  isInItself: boolean;
}

interface Arrangement {
  compare: (a: NodeFacts, b: NodeFacts) => number;
  /** Whether a node is looked for; null: all are shown. */
  matches: ((node: NodeFacts) => boolean) | null;
  folded: ReadonlySet<string>;
}

/**
 * The rows of a tree from top to bottom. What is inside a node that is gone, or inside itself, is at the top. While
 * something is looked for nothing is folded, and what holds a match is there too.
 */
export function arrange(
  nodes: ReadonlyMap<string, NodeFacts>,
  { compare, matches, folded }: Arrangement,
): TreeRow[] {
  const { parents, inThemselves } = parentsOf(nodes);
  const shown = matches ? withAncestors(nodes, parents, matches) : null;
  const children = new Map<string | null, NodeFacts[]>();
  for (const node of nodes.values()) {
    if (shown && !shown.has(node.id)) continue;
    const parent = parents.get(node.id) ?? null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(node);
    else children.set(parent, [node]);
  }
  for (const siblings of children.values()) siblings.sort(compare);

  const rows: TreeRow[] = [];
  const waiting = [{ list: children.get(null) ?? [], at: 0, level: 1 }];
  for (let open = waiting.at(-1); open; open = waiting.at(-1)) {
    const node = open.list[open.at];
    open.at += 1;
    if (!node) {
      waiting.pop();
      continue;
    }
    const inside = children.get(node.id) ?? [];
    const isExpanded = inside.length > 0 && (shown !== null || !folded.has(node.id));
    rows.push({
      node,
      level: open.level,
      hasChildren: inside.length > 0,
      isExpanded,
      position: open.at,
      siblings: open.list.length,
      isMatch: shown?.get(node.id) ?? true,
      isInItself: inThemselves.has(node.id),
    });
    if (isExpanded) waiting.push({ list: inside, at: 0, level: open.level + 1 });
  }
  return rows;
}

/** The parent of each node under which it is shown. Of nodes that are inside each other the first is at the top. */
function parentsOf(nodes: ReadonlyMap<string, NodeFacts>) {
  const parents = new Map<string, string>();
  for (const { id, parentId } of nodes.values()) {
    if (parentId !== null && nodes.has(parentId)) parents.set(id, parentId);
  }
  const inThemselves = new Set<string>();
  const settled = new Set<string>();
  for (const start of nodes.keys()) {
    const path = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !settled.has(at) && !path.has(at)) {
      path.add(at);
      at = parents.get(at);
    }
    if (at !== undefined && path.has(at)) {
      const circle = [...path].slice([...path].indexOf(at));
      for (const id of circle) inThemselves.add(id);
      parents.delete(circle.reduce((least, id) => (id < least ? id : least)));
    }
    for (const id of path) settled.add(id);
  }
  return { parents, inThemselves };
}

/** What matches (`true`), and what holds it (`false`). */
function withAncestors(
  nodes: ReadonlyMap<string, NodeFacts>,
  parents: ReadonlyMap<string, string>,
  matches: (node: NodeFacts) => boolean,
): Map<string, boolean> {
  const shown = new Map<string, boolean>();
  for (const node of nodes.values()) if (matches(node)) shown.set(node.id, true);
  for (const id of [...shown.keys()]) {
    for (let above = parents.get(id); above !== undefined && !shown.has(above); above = parents.get(above)) {
      shown.set(above, false);
    }
  }
  return shown;
}
