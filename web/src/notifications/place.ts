import type { Execution } from "../api/executions";
import type { Notification } from "../api/notifications";
import type { Place } from "../app/router";

type NotifiedPlace = Partial<Pick<Place, "nodeId" | "part" | "runId">>;

const ABOUT_RUNS: ReadonlySet<string> = new Set(["execution_complete", "human_input_needed"]);

/** Where in its project a notification leads; of one about a run, to the run. */
export async function placeOf(
  { type, resourceType, resourceId }: Pick<Notification, "type" | "resourceType" | "resourceId">,
  fetchRun: (id: string) => Promise<Pick<Execution, "id" | "nodeId">>,
): Promise<NotifiedPlace> {
  if (resourceType === "execution" && resourceId) {
    try {
      const { id, nodeId } = await fetchRun(resourceId);
      return { nodeId, part: "runs", runId: id };
    } catch {
      // The run is gone; its project is still something.
      return {};
    }
  }
  if (resourceType !== "node") return {};
  return ABOUT_RUNS.has(type) ? { nodeId: resourceId, part: "runs" } : { nodeId: resourceId };
}
