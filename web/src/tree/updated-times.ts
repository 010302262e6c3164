import { useCallback, useEffect, useState } from "react";
import { useUpdatedTimes as useFetchedTimes } from "../api/nodes";
import { useProjectEvents } from "../events/project-feed";
import type { NodeTable } from "./node-table";

/** Of what is written in a node's own document the canvas says nothing. */
const NODE_EVENTS = ["node_created", "node_updated", "node_restored"] as const;
const NONE: ReadonlyMap<string, number> = new Map();

/**
 * When nodes last changed, in ms: what the server says of those that changed last, and what was edited on the canvas
 * or in the nodes since, by whomever. Of nodes that have not changed for long nothing is known.
 */
export function useUpdatedTimes(projectId: string, table: NodeTable): (id: string) => number | undefined {
  const fetched = useFetchedTimes(projectId);
  const { times } = fetched;
  const [seen, setSeen] = useState(NONE);
  const noteNow = useCallback((ids: Iterable<string>) => {
    const now = Date.now();
    setSeen((before) => new Map([...before, ...[...ids].map((id) => [id, now] as const)]));
  }, []);
  useEffect(() => table.onEdit(noteNow), [table, noteNow]);
  useProjectEvents({
    types: NODE_EVENTS,
    onEvent: ({ nodeId }) => nodeId && noteNow([nodeId]),
    onGap: () => void fetched.refetch(),
  });
  return useCallback((id) => seen.get(id) ?? times.get(id), [seen, times]);
}
