import { type Execution, isMissing, useNodeExecutions } from "../api/executions";
import { followLink, type Place, projectPath } from "../app/router";
import { useName } from "../canvas/canvas-context";
import { timeAgo } from "../lib/text";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { Notice } from "../ui/notice";
import { AgentMark } from "./agent-mark";
import { failureWords } from "./failures";
import { RunPill } from "./run-pill";
import { RunView } from "./run-view";
import { costWords, spanWords, tokenWords } from "./words";

type NodePlace = Place & { nodeId: string };

/** The runs of a node, or one of them. */
export default function RunsPanel({ place }: { place: NodePlace }) {
  const { runId } = place;
  return runId ? <RunView key={runId} place={{ ...place, runId }} /> : <Runs place={place} />;
}

function Runs({ place }: { place: NodePlace }) {
  const runs = useNodeExecutions(place.nodeId);
  if (isMissing(runs.error)) {
    return (
      <Notice icon="spark" title="This server has no agents">
        They come with a newer version of it.
      </Notice>
    );
  }
  return (
    <Loaded what="The runs" query={{ ...runs, data: runs.items }} lines={4}>
      {(items) =>
        items.length === 0 ? (
          <Notice icon="spark" title="No agent has worked here yet">
            Press Run, and an agent reads this node, plans, and writes beside you. Each of its steps is kept
            here, with what it cost.
          </Notice>
        ) : (
          <>
            <ul aria-label="Runs" className="grid gap-1">
              {items.map((run) => (
                <Row key={run.id} run={run} place={place} />
              ))}
            </ul>
            <MorePages pages={runs} />
          </>
        )
      }
    </Loaded>
  );
}

function Row({ run, place }: { run: Execution; place: NodePlace }) {
  const name = useName(run.requestedBy);
  const took =
    run.startedAt && run.completedAt
      ? spanWords(Date.parse(run.completedAt) - Date.parse(run.startedAt))
      : null;
  const facts = [
    timeAgo(run.createdAt, Date.now()),
    name && `for ${name}`,
    took,
    run.tokensIn + run.tokensOut > 0 && tokenWords(run.tokensIn + run.tokensOut),
    run.tokensIn + run.tokensOut > 0 && `cost ${costWords(run.estimatedCostUsd)}`,
  ].filter(Boolean);
  return (
    <li>
      <a
        href={projectPath(place.projectId, { ...place, runId: run.id, stepId: null })}
        onClick={followLink}
        className="flex items-center gap-3 rounded-xl px-2 py-2.5 hover:bg-hover"
      >
        <AgentMark isAtWork={run.status === "running"} />
        <span className="grid min-w-0 flex-1">
          <span className="flex items-center gap-2 text-sm font-medium">
            <span className="truncate">{run.agentName}</span> <RunPill run={run} />
          </span>
          {run.error && (
            <span className="truncate text-[13px] text-danger">{failureWords(run.error).title}</span>
          )}
          {run.instructions && <span className="truncate text-[13px] text-muted">{run.instructions}</span>}
          <span className="truncate text-xs text-muted tabular-nums">{facts.join(" · ")}</span>
        </span>
      </a>
    </li>
  );
}
