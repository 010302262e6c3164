import type { Execution } from "../api/executions";
import { Pill } from "../ui/status-pill";
import { runLook, runWords } from "./words";

/** What a run is at. */
export function RunPill({ run }: { run: Pick<Execution, "status" | "phase" | "control"> }) {
  return <Pill look={runLook(run)}>{runWords(run)}</Pill>;
}
