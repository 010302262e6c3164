import { useCallback, useEffect, useState } from "react";
import { useUpdatedTimes as useFetchedTimes } from "../api/nodes";
import type { NodeTable } from "./node-table";

const NONE: ReadonlyMap<string, number> = new Map();

/**
 * When nodes last changed, in ms: what the server says of those that changed last, and what was edited on the canvas
 * since, by whomever. Of nodes that have not changed for long nothing is known.
 */
export function useUpdatedTimes(projectId: string, table: NodeTable): (id: string) => number | undefined {
  const fetched = useFetchedTimes(projectId);
  const [seen, setSeen] = useState(NONE);
  useEffect(
    () =>
      table.onEdit((ids) => {
        const now = Date.now();
        setSeen((before) => new Map([...before, ...[...ids].map((id) => [id, now] as const)]));
      }),
    [table],
  );
  return useCallback((id) => seen.get(id) ?? fetched.get(id), [seen, fetched]);
}
