import { Popover as Radix } from "radix-ui";
import { useEffect, useRef } from "react";
import { stepWords } from "../agents/steps";
import { costWords, count } from "../agents/words";
import { useExecution, useTrace } from "../api/executions";
import type { Author, Authors, Authorship } from "../api/history";
import { messageOf } from "../api/http";
import { followLink, type Place, projectPath } from "../app/router";
import { useName } from "../canvas/canvas-context";
import { nameOf } from "../history/authors";
import { initials, timeAgo } from "../lib/text";
import { Icon } from "../ui/icon";
import type { Pointed } from "./desk";

/** How far the pointer may be from the text and from what is said of it before that goes. */
const REACH_PX = 28;

interface EvidencePopoverProps {
  place: Place & { nodeId: string };
  pointed: Pointed;
  by: Authorship | null;
  authors: Authors;
  isLooking: boolean;
  error: unknown;
  onClose: () => void;
}

/** Who wrote what one points at, when, and from what. */
export function EvidencePopover(props: EvidencePopoverProps) {
  const { pointed, by, onClose } = props;
  const content = useRef<HTMLDivElement>(null);
  const anchor = useRef({ getBoundingClientRect: () => pointed.rect });
  anchor.current = { getBoundingClientRect: () => pointed.rect };
  useEffect(() => {
    if (pointed.isAsked) return;
    const onMove = ({ clientX, clientY }: MouseEvent) => {
      const around = content.current?.getBoundingClientRect();
      if (!isWithin(pointed.rect, clientX, clientY) && !(around && isWithin(around, clientX, clientY)))
        onClose();
    };
    window.addEventListener("mousemove", onMove);
    return () => window.removeEventListener("mousemove", onMove);
  }, [pointed, onClose]);
  return (
    <Radix.Root open onOpenChange={(next) => !next && onClose()}>
      <Radix.Anchor virtualRef={anchor} />
      <Radix.Portal>
        <Radix.Content
          ref={content}
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={8}
          aria-label="Who wrote this"
          onOpenAutoFocus={(event) => !pointed.isAsked && event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
          className="z-40 w-[min(320px,calc(100vw-16px))] animate-rise rounded-xl border border-line bg-raised px-3 py-2.5 text-[13px] shadow-float outline-none"
        >
          {by ? <Written {...props} by={by} /> : <Unknown {...props} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function isWithin({ left, right, top, bottom }: DOMRect, x: number, y: number): boolean {
  return x >= left - REACH_PX && x <= right + REACH_PX && y >= top - REACH_PX && y <= bottom + REACH_PX;
}

function Unknown({ isLooking, error }: EvidencePopoverProps) {
  return (
    <p role="status" className="text-muted">
      {isLooking
        ? "Looking it up…"
        : error
          ? `Who wrote this could not be looked up. ${messageOf(error)}`
          : "This was written just now, and is on its way into the history."}
    </p>
  );
}

function Written({ by, authors, place }: EvidencePopoverProps & { by: Authorship }) {
  const author = authors[by.principal];
  if (!by.run) return <ByPerson by={by} author={author} />;
  // What a run only proposed is written by whoever accepts it.
  const isAccepted = by.principal.startsWith("user:");
  return (
    <ByRun
      by={by}
      run={by.run}
      place={place}
      author={isAccepted ? undefined : author}
      acceptedBy={isAccepted ? nameOf(author) : undefined}
    />
  );
}

function When({ by }: { by: Authorship }) {
  return (
    <time dateTime={by.until} className="text-xs text-muted">
      {timeAgo(by.until, Date.now())} ·{" "}
      {new Date(by.until).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })}
    </time>
  );
}

function ByPerson({ by, author }: { by: Authorship; author: Author | undefined }) {
  const name = nameOf(author);
  return (
    <div className="flex items-center gap-2.5">
      <span
        aria-hidden
        className="grid size-7 shrink-0 place-items-center rounded-full bg-sunken text-[10px] font-semibold"
      >
        {initials(name)}
      </span>
      <span className="grid min-w-0">
        <span className="truncate font-semibold">{name}</span>
        <When by={by} />
      </span>
    </div>
  );
}

interface ByRunProps {
  by: Authorship;
  run: string;
  place: Place;
  author: Author | undefined;
  /** Who accepted it, if the run only proposed it. */
  acceptedBy?: string | undefined;
}

function ByRun({ by, run: runId, place, author, acceptedBy }: ByRunProps) {
  const run = useExecution(runId).data;
  const trace = useTrace(runId).data;
  const requester = useName(run?.requestedBy ?? "");
  const step = trace?.find(({ id }) => id === by.traceEvent);
  const name = run?.agentName ?? author?.name ?? nameOf(author);
  const where = { ...place, part: "runs", runId, stepId: by.traceEvent ?? null } as const;
  return (
    <div className="grid gap-2">
      <div className="flex items-center gap-2.5">
        <span
          aria-hidden
          className="grid size-7 shrink-0 place-items-center rounded-lg bg-accent-soft text-accent"
        >
          <Icon name="spark" />
        </span>
        <span className="grid min-w-0">
          <span className="truncate font-semibold">
            {name}{" "}
            <span className="font-normal text-muted">(agent{requester ? ` of ${requester}` : ""})</span>
          </span>
          {acceptedBy && <span className="truncate text-xs text-muted">Accepted by {acceptedBy}</span>}
          <When by={by} />
        </span>
      </div>
      {step && (
        <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-xs">
          <Fact name="Step">{`${step.seq}. ${stepWords(step).title}`}</Fact>
          <Fact name="Model">{step.model ?? run?.model ?? "unknown"}</Fact>
          {step.tokensOut !== null && <Fact name="Tokens">{`${count(step.tokensOut)} out`}</Fact>}
          <Fact name="Cost">{costWords(step.estimatedCostUsd)}</Fact>
        </dl>
      )}
      <a
        href={projectPath(place.projectId, { ...where, nodeId: run?.nodeId ?? place.nodeId })}
        onClick={followLink}
        className="flex items-center gap-1 justify-self-start font-medium text-accent underline underline-offset-2"
      >
        {by.traceEvent ? "See the step" : "See the run"}
      </a>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="truncate tabular-nums">{children}</dd>
    </>
  );
}
