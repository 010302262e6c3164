import { describe, expect, it } from "vitest";
import type { Blame, TextHistory, TextSpan } from "../api/history";
import { alignBlocks, isBy, markedLength, spanAt, stepsIn, stretchesOf } from "./locate";

const by = (principal: string, run?: string, traceEvent?: string) => ({
  principal,
  run,
  traceEvent,
  from: "",
  until: "",
  firstSeq: 1,
  lastSeq: 1,
});
const span = (text: string, inserted: TextSpan["inserted"]): TextSpan => ({ text, change: "kept", inserted });
const block = (...spans: TextSpan[]) => ({
  path: ["paragraph"],
  attributes: {},
  change: "kept" as const,
  spans,
});
const ADA = by("user:ada");
const BOT = by("agent:run", "run", "step");
const text: TextHistory = {
  part: "body",
  blocks: [
    block(span("Written by Ada.", ADA)),
    block(span("Hers ", ADA), span("and its own", BOT)),
    block(span("The agent's.", BOT)),
  ],
};
const live = (...texts: string[]) => texts.map((words) => ({ text: words }));
const isBots = ({ inserted }: TextSpan) => isBy(inserted, "run", null);

describe("who wrote what is at a place", () => {
  const now = live("Written by Ada.", "Hers and its own", "The agent's.");

  it("is said by the author of the letter there", () => {
    expect(spanAt(text, now, { block: 1, offset: 4 })?.span.inserted).toBe(ADA);
    expect(spanAt(text, now, { block: 1, offset: 5 })?.span.inserted).toBe(BOT);
  });

  it("is found in front of a newer edit and behind it, and not inside", () => {
    const edited = live("Written by Ada.", "Hers (new!) and its own", "The agent's.");
    expect(spanAt(text, edited, { block: 1, offset: 2 })?.span.inserted).toBe(ADA);
    expect(spanAt(text, edited, { block: 1, offset: 20 })?.span.inserted).toBe(BOT);
    expect(spanAt(text, edited, { block: 1, offset: 7 })).toBeNull();
  });

  it("is found where blocks were added in front", () => {
    const moved = live("New.", "Newer.", ...now.map(({ text: words }) => words));
    expect(spanAt(text, moved, { block: 4, offset: 0 })?.span.inserted).toBe(BOT);
    expect(spanAt(text, moved, { block: 0, offset: 0 })).toBeNull();
  });
});

it("gives no block of a history to two blocks", () => {
  const same: TextHistory = { part: "body", blocks: [block(span("a", ADA)), block(span("a", BOT))] };
  expect(alignBlocks(live("a", "a"), same.blocks)).toEqual([0, 1]);
  expect(alignBlocks(live("a", "x", "a"), same.blocks)).toEqual([0, null, 1]);
});

it("marks what a run wrote where it is now", () => {
  const now = live("Written by Ada.", "Hers, and its own", "The agent's.");
  expect(stretchesOf(text, now, isBots)).toEqual([
    { block: 1, from: 6, to: 17 },
    { block: 2, from: 0, to: 12 },
  ]);
});

it("counts what is marked, and knows the steps that wrote it", () => {
  const blame: Blame = { seq: 1, texts: [text], authors: {} };
  expect(markedLength(blame, isBots)).toBe(23);
  expect([...stepsIn(blame, "run")]).toEqual(["step"]);
  expect(isBy(BOT, "run", "another step")).toBe(false);
});
