import { useEffect, useState } from "react";
import { type Execution, useExecution } from "../api/executions";
import { followLink, type Place, projectPath } from "../app/router";
import { useCanvasScope } from "../canvas/canvas-context";
import { IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { AgentMark } from "./agent-mark";
import { failureWords } from "./failures";
import { useRunOf } from "./open-runs";
import { QuestionCard } from "./question-card";
import { RunControls } from "./run-controls";
import { runWords } from "./words";

/**
 * On top of a node's panel while a run is open on it: what it is at, what it asks, and the ways to hold or end it. If it
 * fails while one looks on, that stays.
 */
export function RunBar({ place }: { place: Place & { nodeId: string } }) {
  const run = useRunOf(place.nodeId);
  const [seen, setSeen] = useState<string | null>(null);
  const id = run?.id;
  useEffect(() => {
    if (id) setSeen(id);
  }, [id]);
  return (
    <div className="px-6 max-sm:px-4">
      <p role="status" className="sr-only">
        {run ? `${run.agentName}: ${runWords(run)}` : ""}
      </p>
      {run && <Bar run={run} place={place} />}
      {!run && seen && <Ended runId={seen} place={place} onAside={() => setSeen(null)} />}
    </div>
  );
}

interface EndedProps {
  runId: string;
  place: Place;
  onAside: () => void;
}

/** That a run has failed, where it is not said anyway. */
function Ended({ runId, place, onAside }: EndedProps) {
  const { projectId } = useCanvasScope();
  const run = useExecution(runId).data;
  const isShown = place.part === "runs" && place.runId === runId;
  if (run?.status !== "failed" || isShown) return null;
  return (
    <section
      aria-label="Failed run"
      className="mb-3 flex items-center gap-3 rounded-xl bg-danger-soft py-1 pr-1 pl-3 text-[13px]"
    >
      <span className="text-danger">
        <Icon name="warning" />
      </span>
      <p role="status" className="min-w-0 flex-1">
        <span className="font-semibold">{run.agentName} failed.</span>{" "}
        {run.error && `${failureWords(run.error).title}.`}{" "}
        <a
          href={projectPath(projectId, { ...place, part: "runs", runId, stepId: null })}
          onClick={followLink}
          className="whitespace-nowrap text-accent underline underline-offset-2"
        >
          See what to do
        </a>
      </p>
      <IconButton icon="close" label="Put this aside" onClick={onAside} />
    </section>
  );
}

function Bar({ run, place }: { run: Execution; place: Place }) {
  const { projectId } = useCanvasScope();
  const isShown = place.part === "runs" && place.runId === run.id;
  const isAtWork = run.status === "running";
  return (
    <section aria-label="Run" className="mb-3 grid max-h-[46vh] gap-3 overflow-y-auto">
      <div className="flex flex-wrap items-center gap-3 rounded-xl border border-line bg-raised py-2 pr-2 pl-3">
        <AgentMark isAtWork={isAtWork} size={24} />
        <p className="min-w-28 flex-1 text-[13px]">
          <span className="font-semibold">{run.agentName}</span>
          <span className="text-muted"> · {runWords(run)}</span>
          {!isShown && (
            <>
              {" "}
              <a
                href={projectPath(projectId, { ...place, part: "runs", runId: run.id, stepId: null })}
                onClick={followLink}
                className="whitespace-nowrap text-accent underline underline-offset-2"
              >
                See the steps
              </a>
            </>
          )}
        </p>
        <RunControls run={run} />
      </div>
      <QuestionCard run={run} />
    </section>
  );
}
