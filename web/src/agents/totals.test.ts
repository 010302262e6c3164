import { expect, it } from "vitest";
import { aCall, aRun } from "./fixtures";
import { totalsOf } from "./totals";

it("sums what calls told while a run goes on, and believes the server once it has ended", () => {
  const trace = [aCall(1), aCall(2), aCall(3, { durationMs: null, tokensIn: null, tokensOut: null })];
  expect(totalsOf(aRun(), trace)).toEqual({ tokensIn: 200, tokensOut: 40, costUsd: "0.002" });
  const ended = aRun({ status: "complete", tokensIn: 7, tokensOut: 8, estimatedCostUsd: "0.5" });
  expect(totalsOf(ended, trace)).toEqual({ tokensIn: 7, tokensOut: 8, costUsd: "0.5" });
});

it("does not know the cost of a run of which it does not know a part", () => {
  expect(totalsOf(aRun(), [aCall(1), aCall(2, { estimatedCostUsd: null })]).costUsd).toBeNull();
});
