import { useEffect } from "react";
import type { Execution } from "../api/executions";
import { type Proposal, useProposals } from "../api/proposals";
import { followLink, type Place, projectPath } from "../app/router";
import { plural } from "../lib/text";

interface RunProposalsProps {
  run: Execution;
  /** How many steps it has taken: with each, it may have proposed something. */
  steps: number;
  place: Place;
}

/** What became of what a run proposed, and the way there. */
export function RunProposals({ run, steps, place }: RunProposalsProps) {
  const { data: all = [], refetch } = useProposals(run.nodeId);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each step, and at the end
  useEffect(() => {
    void refetch();
  }, [refetch, steps, run.status]);
  const its = all.filter(({ runId }) => runId === run.id);
  if (its.length === 0) return null;
  const count = (status: Proposal["status"]) => its.filter((proposal) => proposal.status === status).length;
  const [open, accepted, rejected] = [count("open"), count("accepted"), count("rejected")];
  const parts = [
    open && `${open} to decide on`,
    accepted && `${accepted} accepted`,
    rejected && `${rejected} rejected`,
  ];
  return (
    <p className="text-[13px]">
      {plural(its.length, "proposal")}: {parts.filter(Boolean).join(", ")}.{" "}
      {open > 0 && (
        <a
          href={projectPath(place.projectId, { ...place, part: "content", runId: null, stepId: null })}
          onClick={followLink}
          className="whitespace-nowrap text-accent underline underline-offset-2"
        >
          Decide on them
        </a>
      )}
    </p>
  );
}
