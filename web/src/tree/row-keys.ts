import type { KeyboardEvent } from "react";
import type { TreeRow } from "./arrange";

const PAGE_ROWS = 15;

interface Keys {
  rows: readonly TreeRow[];
  /** Gives a row the focus; with `extend`, the selection reaches to it. */
  goTo: (index: number, extend: boolean) => void;
  fold: (id: string) => void;
  toggle: (id: string) => void;
  remove: (() => void) | null;
  /** Puts a node inside the row above it, or beside the one that it is inside. */
  indent: ((id: string) => void) | null;
  outdent: ((id: string) => void) | null;
}

/** The keyboard of a row, as a tree grid has it. Returns whether the key was its own. */
export function handleRowKey(event: KeyboardEvent, at: number, keys: Keys): boolean {
  const row = keys.rows[at];
  if (!row) return false;
  if (event.altKey && !event.ctrlKey && !event.metaKey) return nest(event.key, row.node.id, keys);
  if (event.ctrlKey || event.metaKey) return false;
  const goTo = (index: number) => {
    const last = keys.rows.length - 1;
    keys.goTo(Math.max(0, Math.min(last, index)), event.shiftKey);
    return true;
  };
  switch (event.key) {
    case "ArrowDown":
      return goTo(at + 1);
    case "ArrowUp":
      return goTo(at - 1);
    case "PageDown":
      return goTo(at + PAGE_ROWS);
    case "PageUp":
      return goTo(at - PAGE_ROWS);
    case "Home":
      return goTo(0);
    case "End":
      return goTo(keys.rows.length - 1);
    case "ArrowRight":
      if (row.hasChildren && !row.isExpanded) keys.fold(row.node.id);
      else if (row.hasChildren) goTo(at + 1);
      return true;
    case "ArrowLeft":
      if (row.isExpanded) keys.fold(row.node.id);
      else goTo(parentIndex(keys.rows, at) ?? at);
      return true;
    case " ":
      keys.toggle(row.node.id);
      return true;
    case "Delete":
    case "Backspace":
      if (!keys.remove) return false;
      keys.remove();
      return true;
    default:
      return false;
  }
}

function nest(key: string, id: string, keys: Keys): boolean {
  const move = key === "ArrowRight" ? keys.indent : key === "ArrowLeft" ? keys.outdent : undefined;
  if (move === undefined) return false;
  move?.(id);
  return true;
}

/** The row that holds a row. */
export function parentIndex(rows: readonly TreeRow[], at: number): number | null {
  const level = rows[at]?.level ?? 1;
  for (let index = at - 1; index >= 0; index -= 1) {
    if ((rows[index]?.level ?? 0) < level) return index;
  }
  return null;
}

/** The row before it under the same parent. */
export function siblingAbove(rows: readonly TreeRow[], at: number): number | null {
  const level = rows[at]?.level ?? 1;
  for (let index = at - 1; index >= 0; index -= 1) {
    const other = rows[index]?.level ?? 0;
    if (other < level) return null;
    if (other === level) return index;
  }
  return null;
}
