import type { HistorySummary, NamedVersion, WorkSession } from "../api/history";
import { timeAgo } from "../lib/text";
import { IconButton } from "../ui/button";
import type { AuthorLook } from "./authors";
import { firstKnown, stops } from "./places";

interface TimelineProps {
  summary: HistorySummary;
  sessions: readonly WorkSession[];
  versions: readonly NamedVersion[];
  /** The place that is shown, and when it was reached. */
  place: number;
  time: number | null;
  lookOf: (principal: string) => AuthorLook;
  onChoose: (seq: number) => void;
}

/** The way through a history: a slider over all edits, with who made them under it. */
export function Timeline(props: TimelineProps) {
  const { summary, sessions, place, time, onChoose } = props;
  const first = firstKnown(summary);
  const ends = stops(sessions);
  const before = ends.findLast((seq) => seq < place && seq >= first);
  const after = ends.find((seq) => seq > place);
  const isNow = place === summary.headSeq;
  const words = isNow ? "Now" : time === null ? `Edit ${place}` : timeWords(time);
  return (
    <section aria-label="Time" className="grid gap-2">
      <div className="flex items-center gap-2">
        <IconButton
          icon="back"
          label="To the end of the session before"
          disabled={before === undefined}
          onClick={() => before !== undefined && onChoose(before)}
        />
        <p className="min-w-0 flex-1 text-center text-[13px]">
          <span className="font-semibold">{words}</span>
          {!isNow && time !== null && (
            <span className="text-muted"> · {timeAgo(new Date(time).toISOString(), Date.now())}</span>
          )}
        </p>
        <IconButton
          icon="fold"
          label="To the end of the session after"
          disabled={isNow}
          onClick={() => onChoose(after ?? summary.headSeq)}
        />
      </div>
      <div className="grid gap-1">
        <input
          type="range"
          aria-label="Place in the history"
          aria-valuetext={words}
          min={first}
          max={summary.headSeq}
          value={place}
          onChange={(event) => onChoose(Number(event.target.value))}
          className="history-slider"
        />
        <Track {...props} first={first} />
      </div>
    </section>
  );
}

function timeWords(time: number): string {
  return new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

/** Who worked where, in their colours, and the versions with names. */
function Track({ summary, sessions, versions, lookOf, first }: TimelineProps & { first: number }) {
  const length = Math.max(1, summary.headSeq - first);
  const at = (seq: number) => (100 * (Math.max(first, seq) - first)) / length;
  return (
    <div aria-hidden className="relative mx-2 h-2.5">
      <div className="absolute inset-x-0 top-1 h-1 rounded-full bg-sunken" />
      {sessions
        .filter(({ lastSeq }) => lastSeq >= first)
        .map((session) => (
          <div
            key={`${session.principal} ${session.firstSeq}`}
            className="absolute top-1 h-1 min-w-0.5 rounded-full"
            style={{
              left: `${at(session.firstSeq - 1)}%`,
              width: `${at(session.lastSeq) - at(session.firstSeq - 1)}%`,
              background: lookOf(session.principal).solid,
            }}
          />
        ))}
      {versions
        .filter(({ seq }) => seq >= first)
        .map(({ id, seq }) => (
          <div
            key={id}
            className="absolute top-0 size-2.5 -translate-x-1/2 rotate-45 border border-surface bg-ink"
            style={{ left: `${at(seq)}%` }}
          />
        ))}
    </div>
  );
}
