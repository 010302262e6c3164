import { expect, it } from "vitest";
import type { TextBlock, TextChange } from "../api/history";
import { foldUnchanged, shapeOf } from "./blocks";

const block = (path: string[], attributes = {}, change: TextChange = "kept"): TextBlock => ({
  path,
  attributes,
  change: "kept",
  spans: [{ text: "x", change }],
});

it("shows a block by the elements that it is inside of", () => {
  expect(shapeOf(block(["heading"], { level: "2" })).heading).toBe(2);
  expect(shapeOf(block(["bulletList", "listItem", "orderedList", "listItem", "paragraph"]))).toMatchObject({
    depth: 2,
    mark: "number",
  });
  expect(shapeOf(block(["taskList", "taskItem"], { checked: "true" })).mark).toBe("done");
  expect(shapeOf(block(["blockquote", "paragraph"])).isQuote).toBe(true);
  expect(shapeOf(block([]))).toMatchObject({ heading: null, depth: 0, mark: null });
});

it("folds what is far from any change", () => {
  const blocks = [0, 1, 2, 3, 4, 5].map((at) => block(["paragraph"], {}, at === 3 ? "inserted" : "kept"));
  const pieces = foldUnchanged(blocks);
  expect(pieces.map((piece) => ("blocks" in piece ? piece.blocks.length : -piece.folded.length))).toEqual([
    -2, 3, -1,
  ]);
  expect(pieces.map(({ from }) => from)).toEqual([0, 2, 5]);
});
