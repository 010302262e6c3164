import { useQuery } from "@tanstack/react-query";
import { request, withQuery } from "./http";
import type { Page } from "./types";

/** Of how many nodes it is asked when they changed. */
const RECENT = { pages: 3, perPage: 200 } as const;

/** When the nodes of a project that changed last did so, in ms, by node id. */
export function useUpdatedTimes(projectId: string) {
  const query = useQuery({
    queryKey: ["updated-times", projectId],
    staleTime: 60_000,
    queryFn: () => updatedTimes(projectId),
  });
  return { ...query, times: query.data ?? NO_TIMES };
}

const NO_TIMES: ReadonlyMap<string, number> = new Map();

async function updatedTimes(projectId: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  let cursor: string | null = null;
  for (let page = 0; page < RECENT.pages; page += 1) {
    const part = { sort: "-updatedAt", limit: RECENT.perPage, cursor };
    const answer: Page<{ id: string; updatedAt: string }> = await request(
      "GET",
      withQuery(`/projects/${projectId}/nodes`, part),
    );
    for (const { id, updatedAt } of answer.items) times.set(id, Date.parse(updatedAt));
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  return times;
}
