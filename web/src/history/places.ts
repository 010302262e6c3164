import type { HistorySummary, NamedVersion, WorkSession } from "../api/history";

/** The place next to one at which the document is known: the one itself, or the nearest before it, or after it. */
export function knownPlace({ keptFromSeq, keptSeqs, headSeq }: HistorySummary, seq: number): number {
  const wanted = Math.max(0, Math.min(headSeq, Math.round(seq)));
  if (wanted >= keptFromSeq) return wanted;
  const before = keptSeqs.filter((kept) => kept <= wanted);
  if (before.length > 0) return Math.max(...before);
  return Math.min(keptFromSeq, ...keptSeqs);
}

/** The first place at which the document is known. */
export function firstKnown({ keptFromSeq, keptSeqs }: HistorySummary): number {
  return Math.min(keptFromSeq, ...keptSeqs);
}

/** Some edits of a history, the first and the last. */
export interface Span {
  fromSeq: number;
  throughSeq: number;
}

/** The edits after one place up to another one, as far as their content is kept; null: there are none. */
export function spanBetween({ keptFromSeq }: HistorySummary, from: number, to: number): Span | null {
  const fromSeq = Math.max(from, keptFromSeq) + 1;
  return fromSeq <= to ? { fromSeq, throughSeq: to } : null;
}

/** The session that a place is part of: the last of those that had begun by then. */
export function sessionAt(sessions: readonly WorkSession[], seq: number): WorkSession | null {
  const begun = sessions.filter(({ firstSeq }) => firstSeq <= seq);
  return begun.reduce<WorkSession | null>(
    (last, session) => (last === null || session.lastSeq > last.lastSeq ? session : last),
    null,
  );
}

/**
 * When a place was reached, in ms, as near as sessions say it: between the beginning and the end of the session that it is
 * part of.
 */
export function timeAt(sessions: readonly WorkSession[], seq: number): number | null {
  const session = sessionAt(sessions, seq);
  if (!session) return null;
  const [begin, end] = [Date.parse(session.startedAt), Date.parse(session.endedAt)];
  if (seq >= session.lastSeq) return end;
  const share = (seq - session.firstSeq) / Math.max(1, session.lastSeq - session.firstSeq);
  return Math.round(begin + share * (end - begin));
}

/** With what a place is compared: what was before the session, the version with a name before it, or nothing at all. */
export type Against = "session" | "version" | "beginning";

/** The earlier place of a comparison. */
export function comparedWith(
  against: Against,
  seq: number,
  { sessions, versions }: { sessions: readonly WorkSession[]; versions: readonly NamedVersion[] },
): number {
  if (against === "beginning") return 0;
  if (against === "session") return Math.max(0, (sessionAt(sessions, seq)?.firstSeq ?? 1) - 1);
  return Math.max(0, ...versions.map((version) => version.seq).filter((at) => at < seq));
}

/** The ends of sessions, at which one stops on the way through a history, in order. */
export function stops(sessions: readonly WorkSession[]): number[] {
  return [...new Set(sessions.map(({ lastSeq }) => lastSeq))].sort((a, b) => a - b);
}
