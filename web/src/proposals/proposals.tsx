import { lazy, Suspense, useCallback, useRef } from "react";
import type { Awareness } from "y-protocols/awareness";
import { useExecution } from "../api/executions";
import { messageOf } from "../api/http";
import {
  type Decision,
  type Proposal,
  useDecision,
  useFollowedProposals,
  useProposals,
} from "../api/proposals";
import { followLink, type Place, projectPath } from "../app/router";
import { useCanEdit } from "../canvas/canvas-context";
import type { NodeDocument } from "../documents/node";
import { patient } from "../lib/patient";
import { timeAgo } from "../lib/text";
import { Section } from "../panel/section";
import { Button } from "../ui/button";
import { Fetching } from "../ui/fetching";
import { Icon } from "../ui/icon";
import { useSay } from "../ui/toast";
import { inReadingOrder } from "./order";
import { showBlock } from "./show-block";
import { wordDiff } from "./word-diff";

const RichText = lazy(patient(() => import("../editor/rich-text")));

interface ProposalsProps {
  place: Place & { nodeId: string };
  content: NodeDocument;
  awareness: Awareness;
}

/** What agents propose for a node, to accept or reject one by one. */
export function Proposals({ place, content, awareness }: ProposalsProps) {
  const { proposals: shared } = content;
  const onChanged = useCallback(
    (changed: () => void) => {
      shared.observeDeep(changed);
      return () => shared.unobserveDeep(changed);
    },
    [shared],
  );
  useFollowedProposals(place.nodeId, onChanged);
  const all = useProposals(place.nodeId).data ?? [];
  const proposals = inReadingOrder(
    all.filter(({ status }) => status === "open"),
    (id) => content.blockOfProposal(id),
  );
  const list = useRef<HTMLUListElement>(null);
  const canEdit = useCanEdit();
  const decision = useDecision(place.nodeId);
  const say = useSay();
  const decide = (ids: readonly string[], what: Decision) =>
    decision.mutate(
      { ids, decision: what },
      {
        onError: (error) => say(messageOf(error)),
        // What had the focus is gone.
        onSettled: () => list.current?.focus({ preventScroll: true }),
      },
    );
  const decideAll = (what: Decision) =>
    decide(
      proposals.map(({ id }) => id),
      what,
    );
  if (proposals.length === 0) return null;
  return (
    <Section
      title="Proposals"
      action={
        canEdit &&
        proposals.length > 1 && (
          <span className="flex gap-2">
            <Button disabled={decision.isPending} onClick={() => decideAll("accept")}>
              <Icon name="check" size={14} /> Accept all {proposals.length}
            </Button>
            <Button disabled={decision.isPending} onClick={() => decideAll("reject")}>
              <Icon name="close" size={14} /> Reject all
            </Button>
          </span>
        )
      }
    >
      <ul
        ref={list}
        tabIndex={-1}
        aria-label="Proposals"
        className="grid grid-cols-1 gap-2 rounded-xl outline-none"
      >
        {proposals.map((proposal) => (
          <li key={proposal.id}>
            <Card
              proposal={proposal}
              place={place}
              content={content}
              awareness={awareness}
              isPending={decision.isPending}
              onDecide={canEdit ? (what) => decide([proposal.id], what) : null}
            />
          </li>
        ))}
      </ul>
    </Section>
  );
}

interface CardProps {
  proposal: Proposal;
  place: Place;
  content: NodeDocument;
  awareness: Awareness;
  isPending: boolean;
  /** Null: it is for others to decide. */
  onDecide: ((decision: Decision) => void) | null;
}

function Card({ proposal, place, content, awareness, isPending, onDecide }: CardProps) {
  const { id, before, text: after, label, runId, createdAt } = proposal;
  const output = proposal.kind === "output" ? content.proposedText(id) : null;
  const block = proposal.kind === "output" ? null : content.blockOfProposal(id);
  const what = whatOf(proposal);
  return (
    <article
      aria-label={`${what}: ${(after || before).slice(0, 80)}`}
      className="grid gap-3 rounded-xl border border-line p-3"
    >
      <header className="flex flex-wrap items-center gap-x-2 text-xs text-muted">
        <span className="text-accent">
          <Icon name="spark" size={14} />
        </span>
        <span className="font-medium text-ink">
          {what}
          {label ? `: ${label}` : ""}
        </span>
        {createdAt && <span>{timeAgo(createdAt, Date.now())}</span>}
        {runId && <ByRun runId={runId} place={place} />}
      </header>
      {output ? (
        <div className="max-h-80 overflow-y-auto">
          <Suspense fallback={<Fetching what="editor" />}>
            <RichText
              fragment={output}
              awareness={awareness}
              label={`Text of ${label ?? "the proposed output"}`}
              placeholder="Nothing is written here yet."
              editable={false}
              toolbar="focused"
              part={null}
            />
          </Suspense>
        </div>
      ) : (
        <p className="max-h-80 overflow-y-auto text-[15px] leading-6 break-words whitespace-pre-wrap">
          {wordDiff(before, after).map(({ text, change }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a proposal does not change
            <Words key={index} text={text} change={change} />
          ))}
        </p>
      )}
      {onDecide && (
        <div className="flex flex-wrap gap-2">
          <Button look="primary" disabled={isPending} onClick={() => onDecide("accept")}>
            <Icon name="check" size={14} /> Accept
          </Button>
          <Button disabled={isPending} onClick={() => onDecide("reject")}>
            <Icon name="close" size={14} /> Reject
          </Button>
          {block !== null && (
            <Button look="quiet" onClick={() => showBlock(block)}>
              Show the place
            </Button>
          )}
        </div>
      )}
    </article>
  );
}

/** What a proposal would do, in a word. */
function whatOf({ kind, before, text }: Proposal): string {
  if (kind === "output") return "Add an output";
  if (kind === "insert" || before === "") return "Add";
  return text === "" ? "Delete" : "Change";
}

function ByRun({ runId, place }: { runId: string; place: Place }) {
  const run = useExecution(runId).data;
  return (
    <a
      href={projectPath(place.projectId, { ...place, part: "runs", runId, stepId: null })}
      onClick={followLink}
      className="text-accent underline underline-offset-2"
    >
      {run?.agentName ?? "The run"}
    </a>
  );
}

function Words({ text, change }: { text: string; change: "kept" | "inserted" | "deleted" }) {
  if (change === "kept") return text;
  if (change === "inserted") {
    return <ins className="rounded-[3px] bg-good-soft text-good no-underline">{text}</ins>;
  }
  return <del className="rounded-[3px] bg-danger-soft text-danger">{text}</del>;
}
