import { expect, it } from "vitest";
import { wordDiff } from "./word-diff";

const told = (before: string, after: string) =>
  wordDiff(before, after).map(
    ({ text, change }) => ({ kept: text, inserted: `+${text}`, deleted: `-${text}` })[change],
  );

it("tells what stays, comes and goes, word by word", () => {
  expect(told("We launch on Monday.", "We launch early on Friday.")).toEqual([
    "We launch ",
    "+early ",
    "on ",
    "-Monday.",
    "+Friday.",
  ]);
  expect(told("", "New.")).toEqual(["+New."]);
  expect(told("Old.", "")).toEqual(["-Old."]);
  expect(told("Same.", "Same.")).toEqual(["Same."]);
});

it("leads from what was to what is to be", () => {
  const [before, after] = ["a b c d e f g", "x b d c e\n\ng h"];
  const pieces = wordDiff(before, after);
  const without = (change: string) =>
    pieces
      .filter((piece) => piece.change !== change)
      .map(({ text }) => text)
      .join("");
  expect([without("inserted"), without("deleted")]).toEqual([before, after]);
});

it("does not compare what is too long to", () => {
  const long = "word ".repeat(5_000);
  expect(wordDiff(long, `${long}end`).map(({ change }) => change)).toEqual(["deleted", "inserted"]);
});
