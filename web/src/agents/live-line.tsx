import { useMemo } from "react";
import { type Execution, isOpen } from "../api/executions";
import { useCanvasScope } from "../canvas/canvas-context";
import type { AwaitedDocument } from "../documents/awaited-document";
import { useNodeDocument, useReplica } from "../documents/session";
import { useStore } from "../lib/external-store";
import { liveLine, tail } from "./live-text";
import { useOpenRuns, useRunOf } from "./open-runs";
import { runWords } from "./words";

/** How many documents of nodes are opened at once for a line of what is written in them. */
const LIVE_LINES_MAX = 8;
/** What fits under a card, the agent's name included. */
const SHOWN_LENGTH = { most: 34, least: 16 } as const;

/** Under a node's card: what an agent is doing there, with one line of what it writes. */
export function CardRun({ nodeId }: { nodeId: string }) {
  const run = useRunOf(nodeId);
  const open = useOpenRuns();
  if (!run) return null;
  const isWaiting = run.status === "awaiting_input";
  const shown = (open ?? []).filter(({ status }) => status === "running").slice(-LIVE_LINES_MAX);
  return (
    <div
      className={`card-details pointer-events-none absolute inset-x-0 top-full mt-1.5 flex items-center gap-2 rounded-lg border px-2.5 py-1 text-[11px] leading-4 shadow-card ${isWaiting ? "border-warn/40 bg-warn-soft text-warn" : "border-line bg-raised text-muted"}`}
    >
      <span
        aria-hidden
        className={`size-2 shrink-0 rounded-sm ${isWaiting ? "bg-warn" : "bg-accent"} ${run.status === "running" ? "at-work" : ""}`}
      />
      <span className="min-w-0 flex-1 truncate">
        <span className="font-semibold">{run.agentName}</span>
        {shown.some(({ id }) => id === run.id) ? (
          <LiveLine nodeId={nodeId} run={run} />
        ) : (
          ` · ${runWords(run).toLowerCase()}`
        )}
      </span>
    </div>
  );
}

function LiveLine({ nodeId, run }: { nodeId: string; run: Execution }) {
  const document = useNodeDocument(nodeId, useCanvasScope().provider);
  const words = ` · ${runWords(run).toLowerCase()}`;
  const length = Math.max(SHOWN_LENGTH.least, SHOWN_LENGTH.most - run.agentName.length);
  return document ? <Written document={document} run={run} otherwise={words} length={length} /> : words;
}

interface WrittenProps {
  document: AwaitedDocument;
  run: Execution;
  /** What is said while nothing is written. */
  otherwise: string;
  length: number;
}

function Written({ document, run, otherwise, length }: WrittenProps) {
  const { doc, awareness } = useReplica(useStore(document.provider));
  const { id, target, outputItemId } = run;
  const line = useStore(
    useMemo(
      () => liveLine(doc, awareness, { id, target, outputItemId }),
      [doc, awareness, id, target, outputItemId],
    ),
  );
  return line.trim() ? <> {tail(line, length)}</> : otherwise;
}

const PREVIEW_LENGTH = 280;

/** In the view of a run: what it is writing. */
export function LiveText({ nodeId, run }: { nodeId: string; run: Execution }) {
  const document = useNodeDocument(nodeId, useCanvasScope().provider);
  if (!document || !isOpen(run)) return null;
  return (
    <p
      aria-hidden
      className="min-h-12 rounded-xl border border-line px-4 py-3 text-[15px] leading-6 text-pretty break-words"
    >
      <Written document={document} run={run} otherwise="Nothing is written yet." length={PREVIEW_LENGTH} />
    </p>
  );
}
