import { useEffect, useMemo } from "react";
import { type Execution, isMissing, isOpen, useExecution, useTrace } from "../api/executions";
import { useBlameNow } from "../api/history";
import { followLink, navigate, type Place, projectPath } from "../app/router";
import { useName } from "../canvas/canvas-context";
import { stepsIn } from "../evidence/locate";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Notice } from "../ui/notice";
import { AgentMark } from "./agent-mark";
import { Failure } from "./failure";
import { LiveText } from "./live-line";
import { useRunOf } from "./open-runs";
import { RunControls, UndoRun } from "./run-controls";
import { RunFacts } from "./run-facts";
import { RunPill } from "./run-pill";
import { RunProposals } from "./run-proposals";
import { Trace } from "./trace";

type RunPlace = Place & { nodeId: string; runId: string };

/** A run: what it was asked, what it is at, what it used, and each of its steps. */
export function RunView({ place }: { place: RunPlace }) {
  const run = useExecution(place.runId);
  if (isMissing(run.error)) {
    return (
      <Notice icon="spark" title="There is no such run">
        It belonged to something that was deleted for good, or the link is incomplete.
      </Notice>
    );
  }
  return (
    <div className="grid grid-cols-1 gap-5">
      <a
        href={projectPath(place.projectId, { ...place, runId: null, stepId: null })}
        onClick={followLink}
        className="-ml-1 flex items-center gap-1 justify-self-start rounded px-1 text-[13px] text-muted hover:text-ink"
      >
        <Icon name="back" size={14} /> All runs of this node
      </a>
      <Loaded what="The run" query={run} lines={6}>
        {(known) => <Known run={known} place={place} />}
      </Loaded>
    </div>
  );
}

function Known({ run, place }: { run: Execution; place: RunPlace }) {
  const trace = useTrace(run.id);
  const inTexts = useWrittenSteps(run);
  const written = run.mode === "propose" ? NOTHING : inTexts;
  const isLive = isOpen(run) && run.status !== "paused";
  const showText = (stepId: string | null) =>
    navigate(projectPath(place.projectId, { ...place, part: "content", runId: run.id, stepId }));
  return (
    <article aria-label={`Run of ${run.agentName}`} className="grid grid-cols-1 gap-5">
      <Head run={run} />
      {run.instructions && (
        <p className="border-l-2 border-line-strong pl-3 text-[13px] break-words whitespace-pre-wrap text-muted">
          {run.instructions}
        </p>
      )}
      <RunFacts run={run} trace={trace.data} />
      {run.error && <Failure run={{ ...run, error: run.error }} />}
      {run.mode === "propose" && <RunProposals run={run} steps={trace.data?.length ?? 0} place={place} />}
      <div className="flex flex-wrap gap-2 empty:hidden">
        {hasWritten(run, written) && (
          <Button onClick={() => showText(null)}>
            <Icon name="text" size={14} /> Show what it wrote
          </Button>
        )}
        {run.tokensOut > 0 && <UndoRun run={run} />}
      </div>
      {run.status === "running" && <LiveText nodeId={run.nodeId} run={run} />}
      <section aria-label="Trace" className="grid gap-1">
        <h3 className="text-[13px] font-semibold text-muted">Steps</h3>
        <Loaded what="The steps" query={trace} lines={4}>
          {(steps) =>
            steps.length === 0 ? (
              <p className="text-[13px] text-muted">
                {isOpen(run) ? "The first step is shown here as soon as it is taken." : "It took no step."}
              </p>
            ) : (
              <Trace
                trace={steps}
                stepId={place.stepId}
                isLive={isLive}
                written={written}
                onShowText={showText}
              />
            )
          }
        </Loaded>
      </section>
    </article>
  );
}

/** What a run that proposes has written is in its proposals. */
const NOTHING: ReadonlySet<string> = new Set();

/** Whether a run has put text into the node's document, as far as one can say. */
function hasWritten(run: Execution, written: ReadonlySet<string> | null): boolean {
  if (written !== null) return written.size > 0;
  return run.outputItemId !== null || (run.target === "body" && run.tokensOut > 0);
}

function Head({ run }: { run: Execution }) {
  const current = useRunOf(run.nodeId);
  const name = useName(run.requestedBy);
  const where = run.target === "body" ? "the body" : "an output";
  return (
    <header className="flex flex-wrap items-start gap-3">
      <AgentMark isAtWork={run.status === "running"} size={36} />
      <div className="grid min-w-40 flex-1 gap-0.5">
        <h2 className="flex flex-wrap items-center gap-2 text-base font-semibold">
          <span className="min-w-0 break-words">{run.agentName}</span> <RunPill run={run} />
        </h2>
        <p className="text-[13px] text-muted">
          {run.mode === "propose" ? "Proposes edits" : `Writes ${where}`}
          {name ? ` for ${name}` : ""} · begun{" "}
          <time dateTime={run.createdAt} title={new Date(run.createdAt).toLocaleString("en")}>
            {timeAgo(run.createdAt, Date.now())}
          </time>
          {run.parentExecutionId && " · by another run"}
        </p>
      </div>
      {/* What is open on the node has its controls on top of the panel. */}
      {current?.id !== run.id && <RunControls run={run} />}
    </header>
  );
}

/** The steps of a run that has ended of which text is in the node's document; null while that is not known. */
function useWrittenSteps(run: Execution): ReadonlySet<string> | null {
  const isSettled = !isOpen(run);
  const { data, refetch } = useBlameNow(`node:${run.nodeId}`, isSettled);
  useEffect(() => {
    // What is known may be of before its end.
    if (isSettled) void refetch({ cancelRefetch: false });
  }, [isSettled, refetch]);
  return useMemo(() => (isSettled && data ? stepsIn(data, run.id) : null), [data, isSettled, run.id]);
}
