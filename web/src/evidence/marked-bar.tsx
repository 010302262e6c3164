import { stepWords } from "../agents/steps";
import { useExecution, useTrace } from "../api/executions";
import type { Blame } from "../api/history";
import { followLink, navigate, type Place, projectPath } from "../app/router";
import { plural } from "../lib/text";
import { IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { isBy, markedLength } from "./locate";

interface MarkedBarProps {
  place: Place & { nodeId: string; runId: string };
  blame: Blame | undefined;
}

/** Says what is marked in the texts of a node, with the way back to the run, and out of it. */
export function MarkedBar({ place, blame }: MarkedBarProps) {
  const { projectId, runId, stepId } = place;
  const run = useExecution(runId).data;
  const step = useTrace(stepId ? runId : null).data?.find(({ id }) => id === stepId);
  const length = blame && markedLength(blame, ({ inserted }) => isBy(inserted, runId, stepId));
  const whose = `${run?.agentName ?? "the agent"} wrote${step ? ` in step ${step.seq} (${stepWords(step).title.toLowerCase()})` : ""}`;
  return (
    <div className="marked-bar sticky top-0 z-10 flex items-center gap-3 rounded-xl bg-accent-soft py-1 pr-1 pl-3 text-[13px] text-accent">
      <Icon name="spark" />
      <p role="status" className="min-w-0 flex-1">
        {length === undefined
          ? "Looking for what it wrote…"
          : length === 0
            ? `Nothing of what ${whose} is in these texts any more.`
            : `Marked is what ${whose}: ${plural(length, "character")}.`}{" "}
        <a
          href={projectPath(projectId, { ...place, part: "runs" })}
          onClick={followLink}
          className="whitespace-nowrap underline underline-offset-2"
        >
          {stepId ? "Back to the step" : "Back to the run"}
        </a>
      </p>
      <IconButton
        icon="close"
        label="Mark nothing"
        onClick={() => navigate(projectPath(projectId, { ...place, runId: null, stepId: null }), "replace")}
      />
    </div>
  );
}
