import { type ReactNode, useDeferredValue, useEffect, useState } from "react";
import {
  type Authors,
  type Blame,
  type Diff,
  type TextHistory,
  useBlame,
  useDiff,
  usePastState,
} from "../api/history";
import { ApiError, messageOf } from "../api/http";
import { humanize } from "../lib/text";
import { LoadError } from "../ui/load-error";
import { Notice } from "../ui/notice";
import { Segments } from "../ui/segments";
import { type AuthorLook, looksOf } from "./authors";
import { CanvasChanges } from "./canvas-changes";
import { FieldChanges } from "./field-changes";
import { PastBody } from "./past-body";
import { PastCanvas } from "./past-canvas";
import type { Against } from "./places";
import { TextView } from "./text-view";

/** Whose history it is: a node has texts, of which one sees who wrote what; a canvas has nodes, of which one sees who changed what. */
export type HistoryKind = "node" | "canvas";

export type Mode = "changes" | "authors" | "state";

const MODES = [
  { value: "changes", label: "Changes" },
  { value: "state", label: "As it was" },
  { value: "authors", label: "Authors" },
] as const satisfies { value: Mode; label: string }[];

/** Nobody is the author of a canvas word by word. */
const CANVAS_MODES = MODES.filter(({ value }) => value !== "authors");

interface PastViewProps {
  document: string;
  kind: HistoryKind;
  mode: Mode;
  onMode: (mode: Mode) => void;
  against: Against;
  onAgainst: (against: Against) => void;
  hasVersions: boolean;
  /** Those who have colours already. */
  known: Authors;
  /** The places of the comparison; `place` is the one that is shown. */
  from: number;
  place: number;
  actions: ReactNode;
}

/** While one slides through a history, only where one rests is asked for. */
const REST_MS = 180;

/** What the document was at a place: its changes, itself, or who wrote it. */
export function PastView(props: PastViewProps) {
  const { kind, mode, against } = props;
  return (
    <section aria-label="What it was" className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Segments
          label="What is shown"
          value={mode}
          options={kind === "canvas" ? CANVAS_MODES : MODES}
          onChange={props.onMode}
        />
        {mode === "changes" && (
          <select
            aria-label="Compared with"
            value={against}
            onChange={(event) => props.onAgainst(event.target.value as Against)}
            className="h-8 max-w-full rounded-lg border border-line bg-raised px-2 text-[13px]"
          >
            <option value="session">since before the session</option>
            {(props.hasVersions || against === "version") && (
              <option value="version">since the version before</option>
            )}
            <option value="beginning">since the beginning</option>
          </select>
        )}
        <span className="flex-1" />
        <span className="flex gap-2">{props.actions}</span>
      </div>
      <Shown {...props} />
    </section>
  );
}

function Shown({ document, kind, mode, from, place, known }: PastViewProps) {
  const rested = useRested(`${from} ${place}`);
  const [restedFrom = 0, restedPlace = 0] = rested.split(" ").map(Number);
  const diff = useDiff(document, restedFrom, restedPlace, mode === "changes");
  const blame = useBlame(document, restedPlace, mode === "authors");
  const state = usePastState(document, mode === "state" ? restedPlace : null);
  const query = { changes: diff, authors: blame, state }[mode];
  const isLate = rested !== `${from} ${place}` || query.isPlaceholderData;
  const Past = kind === "canvas" ? PastCanvas : PastBody;
  // What was there stays while one slides, so that nothing jumps.
  const content =
    mode === "changes" && diff.data ? (
      <Changes kind={kind} diff={diff.data} known={known} />
    ) : mode === "authors" && blame.data ? (
      <Written blame={blame.data} known={known} />
    ) : mode === "state" && state.data ? (
      <Past state={state.data} />
    ) : null;
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return (
    <div aria-busy={content === null} className="min-h-40 rounded-xl border border-line bg-surface p-4">
      <div className={isLate ? "opacity-60" : ""}>
        {content ?? (
          <p role="status" className="py-8 text-center text-sm text-muted">
            Looking it up…
          </p>
        )}
      </div>
    </div>
  );
}

/** A value once it has rested. */
function useRested(value: string): string {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(value), REST_MS);
    return () => window.clearTimeout(timer);
  }, [value]);
  return useDeferredValue(rested);
}

function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  if (error instanceof ApiError && error.code === "HISTORY_NOT_KEPT") {
    return (
      <Notice icon="clock" title="What it was then is not kept">
        {messageOf(error)}
      </Notice>
    );
  }
  return <LoadError what="What it was" error={error} retry={retry} />;
}

function Changes({ kind, diff, known }: { kind: HistoryKind; diff: Diff; known: Authors }) {
  const { texts, authors, fields } = diff;
  const lookOf = looksOf(known, authors);
  if (texts.length === 0 && fields.length === 0) {
    return <p className="py-8 text-center text-sm text-muted">Nothing is different.</p>;
  }
  return (
    <div className="grid gap-4">
      <Legend authors={authors} lookOf={lookOf} />
      {texts.map((text) => (
        <TextView
          key={text.part}
          text={text}
          heading={partWords(text.part, texts)}
          lookOf={lookOf}
          mode="changes"
        />
      ))}
      {kind === "canvas" ? (
        <CanvasChanges fields={fields} lookOf={lookOf} />
      ) : (
        <FieldChanges fields={fields} lookOf={lookOf} />
      )}
    </div>
  );
}

function Written({ blame, known }: { blame: Blame; known: Authors }) {
  const { texts, authors } = blame;
  const lookOf = looksOf(known, authors);
  const written = texts.filter(({ blocks }) => blocks.length > 0);
  if (written.length === 0) {
    return <p className="py-8 text-center text-sm text-muted">Nothing was written here.</p>;
  }
  return (
    <div className="grid gap-4">
      <Legend authors={authors} lookOf={lookOf} />
      {written.map((text) => (
        <TextView
          key={text.part}
          text={text}
          heading={partWords(text.part, written)}
          lookOf={lookOf}
          mode="authors"
        />
      ))}
    </div>
  );
}

/** The name of a part, where there are several. */
function partWords(part: string, texts: readonly TextHistory[]): string | null {
  if (part === "body" && texts.length === 1) return null;
  return humanize(part.split("/")[0] ?? part);
}

function Legend({ authors, lookOf }: { authors: Authors; lookOf: (principal: string) => AuthorLook }) {
  return (
    <ul aria-label="Authors" className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
      {Object.keys(authors).map((principal) => {
        const { name, solid } = lookOf(principal);
        return (
          <li key={principal} className="flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-full" style={{ background: solid }} /> {name}
          </li>
        );
      })}
    </ul>
  );
}
