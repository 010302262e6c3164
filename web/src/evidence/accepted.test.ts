import { expect, it } from "vitest";
import type { Proposal } from "../api/proposals";
import { acceptedRun } from "./accepted";

const PROPOSAL: Proposal = {
  id: "p",
  kind: "replace",
  runId: "run",
  label: null,
  before: "The sea is warm.",
  text: "The sea is **cold**.",
  createdAt: null,
  status: "accepted",
  decidedBy: "ben",
  decidedAt: "2026-11-21T12:00:00Z",
};
const by = (principal: string, at = "2026-11-21T12:00:01Z") => ({
  principal,
  from: at,
  until: at,
  firstSeq: 1,
  lastSeq: 1,
});
const runOf = (who: string, words: string, at?: string) => acceptedRun([PROPOSAL], by(who, at), words);

it("leads from accepted words to the run that proposed them, and from no others", () => {
  expect(runOf("user:ben", "sea is cold.")).toBe("run");
  expect(runOf("user:ben", "the moon")).toBeNull();
  expect(runOf("user:ben", " … ")).toBeNull();
  expect(runOf("user:ada", "cold")).toBeNull();
  expect(runOf("user:ben", "cold", "2026-11-21T13:00:00Z")).toBeNull();
  const rejected: Proposal = { ...PROPOSAL, status: "rejected" };
  expect(acceptedRun([rejected], by("user:ben"), "cold")).toBeNull();
});
