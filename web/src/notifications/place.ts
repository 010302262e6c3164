import type { Execution } from "../api/executions";
import type { Notification } from "../api/notifications";
import type { Place } from "../app/router";

type NotifiedPlace = Partial<Pick<Place, "nodeId" | "part" | "runId">>;

const ABOUT_RUNS: ReadonlySet<string> = new Set(["execution_complete", "human_input_needed"]);

/** Where in its project a notification leads; of one about a run, to the run. */
export async function placeOf(
  { type, resourceType, resourceId, createdAt }: Told,
  fetchLatestRun: (nodeId: string) => Promise<Pick<Execution, "id" | "createdAt">>,
): Promise<NotifiedPlace> {
  if (resourceType !== "node" || !resourceId) return {};
  if (!ABOUT_RUNS.has(type)) return { nodeId: resourceId };
  const runs = { nodeId: resourceId, part: "runs" } as const;
  // One run at a time works on a node: the latest is the one that was told of, unless it began later.
  const latest = await fetchLatestRun(resourceId).catch(() => null);
  return latest && Date.parse(latest.createdAt) <= Date.parse(createdAt)
    ? { ...runs, runId: latest.id }
    : runs;
}

type Told = Pick<Notification, "type" | "resourceType" | "resourceId" | "createdAt">;
