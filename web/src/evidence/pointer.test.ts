import { Node } from "@tiptap/pm/model";
import { expect, it } from "vitest";
import { SCHEMA } from "../editor/extensions";
import { blocksOf } from "./pointer";

it("reads blocks as histories tell them: what stands on lines of its own, with a sign for what is no text", () => {
  const text = (words: string) => ({ type: "text", text: words });
  const paragraph = (...content: object[]) => ({ type: "paragraph", content });
  const doc = Node.fromJSON(SCHEMA, {
    type: "doc",
    content: [
      paragraph(text("one"), { type: "hardBreak" }, text("two")),
      { type: "horizontalRule" },
      { type: "bulletList", content: [{ type: "listItem", content: [paragraph(text("item"))] }] },
    ],
  });
  const blocks = blocksOf(doc);
  expect(blocks.map(({ text: words }) => words)).toEqual(["one\uFFFCtwo", "", "item"]);
  const last = blocks.at(-1);
  expect(doc.textBetween(last?.start ?? 0, (last?.start ?? 0) + 4)).toBe("item");
});
