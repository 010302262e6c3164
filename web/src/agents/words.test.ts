import { expect, it } from "vitest";
import { costWords, runWords, spanWords } from "./words";

it("never shows an unknown cost as nothing", () => {
  for (const unknown of [null, "", "n/a"]) expect(costWords(unknown)).toBe("unknown");
  expect(costWords("0")).toBe("$0");
  expect(costWords("0.00000012")).toBe("under $0.0001");
  expect(costWords("0.00421")).toBe("$0.0042");
  expect(costWords(1.5)).toBe("$1.50");
});

it("says of a run what it was told before what it is at", () => {
  const at = { status: "running", phase: "plan", control: null } as const;
  expect(runWords(at)).toBe("Planning");
  expect(runWords({ ...at, control: "cancel" })).toBe("Stopping…");
  expect(runWords({ ...at, status: "awaiting_input", phase: "wait_human" })).toBe("Waiting for an answer");
});

it("tells durations in the unit that suits them", () => {
  expect([420, 12_400, 125_000, 3_900_000].map(spanWords)).toEqual([
    "0.4 s",
    "12 s",
    "2 min 5 s",
    "1 h 5 min",
  ]);
});
