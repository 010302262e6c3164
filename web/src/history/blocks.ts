import type { TextBlock } from "../api/history";

/** How a block is shown. */
export interface BlockShape {
  /** Of a heading, 1 to 6. */
  heading: number | null;
  /** How many lists it is inside of, and the mark before it. */
  depth: number;
  mark: "bullet" | "number" | "done" | "open" | null;
  isQuote: boolean;
  isCode: boolean;
  isCell: boolean;
  isRule: boolean;
}

/** What the elements around a block make of it. */
export function shapeOf({ path, attributes }: TextBlock): BlockShape {
  const last = path.at(-1) ?? "";
  const level = Number(attributes.level);
  return {
    heading: last === "heading" ? Math.min(6, Math.max(1, level || 1)) : null,
    depth: path.filter((element) => /List$/.test(element)).length,
    mark: markOf(path, attributes),
    isQuote: path.includes("blockquote"),
    isCode: last === "codeBlock",
    isCell: path.some((element) => element === "tableCell" || element === "tableHeader"),
    isRule: last === "horizontalRule",
  };
}

function markOf(path: readonly string[], attributes: Record<string, string>): BlockShape["mark"] {
  const list = path.findLast((element) => /List$/.test(element));
  if (list === "taskList") return attributes.checked === "true" ? "done" : "open";
  if (list === "orderedList") return "number";
  return list ? "bullet" : null;
}

/** Runs of unchanged blocks longer than this are folded in the view of changes. */
const AROUND = 1;

export type Piece = { blocks: TextBlock[]; from: number } | { folded: TextBlock[]; from: number };

/** The blocks of a text, of which those far from a change are folded. */
export function foldUnchanged(blocks: readonly TextBlock[]): Piece[] {
  const near = blocks.map((_, at) =>
    blocks
      .slice(Math.max(0, at - AROUND), at + AROUND + 1)
      .some((block) => block.change !== "kept" || block.spans.some((span) => span.change !== "kept")),
  );
  const pieces: Piece[] = [];
  blocks.forEach((block, at) => {
    const last = pieces.at(-1);
    if (near[at]) {
      if (last && "blocks" in last) last.blocks.push(block);
      else pieces.push({ blocks: [block], from: at });
    } else if (last && "folded" in last) last.folded.push(block);
    else pieces.push({ folded: [block], from: at });
  });
  return pieces;
}
