import type { QueryClient, QueryKey } from "@tanstack/react-query";

/**
 * Asks anew, since the server says that something changed. What is asked for the first time right now may be answered with
 * what was before, and would not be asked again: to invalidate restarts only what has an answer already.
 */
export async function askAnew(queries: QueryClient, queryKey: QueryKey): Promise<void> {
  await queries.cancelQueries({ queryKey, predicate: ({ state }) => state.data === undefined });
  await queries.invalidateQueries({ queryKey });
}
