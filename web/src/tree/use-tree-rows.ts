import { use, useMemo } from "react";
import { NamesContext, useCanvasScope, useStates } from "../canvas/canvas-context";
import { useStore } from "../lib/external-store";
import { arrange, type TreeRow } from "./arrange";
import type { NodeFacts, NodeTable } from "./node-table";
import { isFiltering } from "./options";
import { comparing, dayOf, matching } from "./order";

export interface TreeRows {
  nodes: ReadonlyMap<string, NodeFacts>;
  rows: readonly TreeRow[];
  /** How many rows were looked for. */
  matching: number;
  /** Today, as `2026-11-21`. */
  today: string;
}

/** The rows of the tree, live. */
export function useTreeRows(table: NodeTable, updatedAt: (id: string) => number | undefined): TreeRows {
  const { treeOptions, renaming } = useCanvasScope();
  const names = use(NamesContext);
  const states = useStates();
  const nodes = useStore(table.rows);
  const { sorting, filter, folded } = useStore(treeOptions);
  const renamed = useStore(renaming);
  const today = dayOf(new Date());
  const compare = useMemo(
    () => comparing(sorting, { names, states, updatedAt }),
    [sorting, names, states, updatedAt],
  );
  const matches = useMemo(() => {
    if (!isFiltering(filter)) return null;
    const isLookedFor = matching(filter, today, states);
    // What was added just now is there, though it has no title yet to be found by.
    return (node: NodeFacts) => node.id === renamed || isLookedFor(node);
  }, [filter, today, states, renamed]);
  const rows = useMemo(() => arrange(nodes, { compare, matches, folded }), [nodes, compare, matches, folded]);
  const found = useMemo(() => rows.reduce((sum, row) => sum + (row.isMatch ? 1 : 0), 0), [rows]);
  return { nodes, rows, matching: found, today };
}
