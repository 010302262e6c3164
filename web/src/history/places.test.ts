import { describe, expect, it } from "vitest";
import type { HistorySummary, WorkSession } from "../api/history";
import { comparedWith, firstKnown, knownPlace, sessionAt, spanBetween, stops, timeAt } from "./places";

const SUMMARY: HistorySummary = {
  epoch: 1,
  headSeq: 100,
  keptFromSeq: 60,
  keptSeqs: [10, 30],
  startedAt: null,
  endedAt: null,
};

const session = (firstSeq: number, lastSeq: number, from: number, to: number): WorkSession => ({
  principal: "user:1",
  startedAt: new Date(from).toISOString(),
  endedAt: new Date(to).toISOString(),
  firstSeq,
  lastSeq,
  updates: 1,
  inserted: 1,
  deleted: 0,
});

const SESSIONS = [session(41, 60, 5_000, 6_000), session(11, 40, 1_000, 4_000), session(1, 10, 0, 500)];

describe("places of a history", () => {
  it("are those at which the document is known", () => {
    expect(knownPlace(SUMMARY, 75.4)).toBe(75);
    expect(knownPlace(SUMMARY, 200)).toBe(100);
    expect(knownPlace(SUMMARY, 59)).toBe(30);
    expect(knownPlace(SUMMARY, 5)).toBe(10);
    expect(firstKnown(SUMMARY)).toBe(10);
    expect(knownPlace({ ...SUMMARY, keptSeqs: [] }, 5)).toBe(60);
  });

  it("have a time, between the beginning and the end of their session", () => {
    expect(timeAt(SESSIONS, 60)).toBe(6_000);
    expect(timeAt(SESSIONS, 11)).toBe(1_000);
    expect(timeAt(SESSIONS, 80)).toBe(6_000);
    expect(timeAt([], 5)).toBeNull();
    const within = timeAt(SESSIONS, 25) ?? 0;
    expect(within).toBeGreaterThan(1_000);
    expect(within).toBeLessThan(4_000);
  });

  it("belong to the last session that had begun by then", () => {
    expect(sessionAt(SESSIONS, 40)?.firstSeq).toBe(11);
    expect(sessionAt(SESSIONS, 41)?.firstSeq).toBe(41);
    expect(sessionAt(SESSIONS, 0)).toBeNull();
  });

  it("are compared with what was before their session, the version before, or nothing", () => {
    const versions = [5, 20, 50].map((seq) => ({
      id: String(seq),
      name: "v",
      seq,
      createdBy: "",
      createdAt: "",
    }));
    const known = { sessions: SESSIONS, versions };
    expect(comparedWith("session", 50, known)).toBe(40);
    expect(comparedWith("session", 5, known)).toBe(0);
    expect(comparedWith("version", 50, known)).toBe(20);
    expect(comparedWith("version", 5, known)).toBe(0);
    expect(comparedWith("beginning", 50, known)).toBe(0);
  });

  it("have between them the edits whose content is kept", () => {
    expect(spanBetween(SUMMARY, 70, 90)).toEqual({ fromSeq: 71, throughSeq: 90 });
    expect(spanBetween(SUMMARY, 10, 90)).toEqual({ fromSeq: 61, throughSeq: 90 });
    expect(spanBetween(SUMMARY, 10, 60)).toBeNull();
    expect(spanBetween(SUMMARY, 90, 90)).toBeNull();
  });

  it("stop at the ends of sessions", () => {
    expect(stops(SESSIONS)).toEqual([10, 40, 60]);
  });
});
