import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { Execution } from "../api/executions";
import { idOf, sortedItems } from "../documents/node";
import { derivedStore, type Store } from "../lib/external-store";

/** How often a text that grows is looked at. */
const LOOK_EVERY_MS = 120;
/** How deep a text is looked into; deeper ones are shown no line of. */
const DEPTH_MAX = 32;

type WrittenRun = Pick<Execution, "id" | "target" | "outputItemId">;

/** The line that a run is writing in a node's document: up to its caret, else the last one of its text. */
export function writtenLine(doc: Y.Doc, awareness: Awareness, run: WrittenRun): string {
  for (const state of awareness.getStates().values()) {
    if (state.run !== run.id) continue;
    const line = lineAtCaret(doc, state.cursor);
    if (line) return line;
  }
  const text = textOf(doc, run);
  return text ? lastLine(text) : "";
}

function lineAtCaret(doc: Y.Doc, cursor: unknown): string | null {
  const head = typeof cursor === "object" && cursor !== null ? (cursor as { head?: unknown }).head : null;
  if (typeof head !== "object" || head === null) return null;
  try {
    const at = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(head), doc);
    if (!at) return null;
    if (at.type instanceof Y.XmlText) return wordsOf(at.type).slice(0, at.index);
    if (!(at.type instanceof Y.XmlFragment)) return null;
    const before = at.type.toArray()[at.index - 1];
    return before ? lastLine(before) : null;
  } catch {
    // What another program says of itself may be anything.
    return null;
  }
}

function textOf(doc: Y.Doc, { target, outputItemId }: WrittenRun): Y.XmlFragment | null {
  if (target === "body") return doc.getXmlFragment("body");
  const items = sortedItems(doc.getArray<Y.Map<unknown>>("outputs"));
  const text = items.find((item) => idOf(item) === outputItemId)?.get("text");
  return text instanceof Y.XmlFragment ? text : null;
}

function lastLine(content: Y.XmlFragment | Y.XmlText | Y.XmlHook, depth = 0): string {
  if (content instanceof Y.XmlText) return wordsOf(content);
  if (!(content instanceof Y.XmlFragment) || depth > DEPTH_MAX) return "";
  for (const child of content.toArray().toReversed()) {
    const line = lastLine(child, depth + 1);
    if (line.trim()) return line;
  }
  return "";
}

function wordsOf(text: Y.XmlText): string {
  const pieces = text.toDelta() as { insert: unknown }[];
  return pieces.map(({ insert }) => (typeof insert === "string" ? insert : "")).join("");
}

/** The end of a line, of about `length` characters, cut between words. */
export function tail(line: string, length: number): string {
  const text = line.trim();
  if (text.length <= length) return text;
  const cut = text.slice(-length);
  const space = cut.indexOf(" ");
  return `…${space >= 0 && space < length / 2 ? cut.slice(space + 1) : cut}`;
}

/** The line that a run is writing, as it grows. */
export function liveLine(doc: Y.Doc, awareness: Awareness, run: WrittenRun): Store<string> {
  return derivedStore(
    (changed) => {
      let timer: number | null = null;
      const soon = () => {
        timer ??= window.setTimeout(() => {
          timer = null;
          changed();
        }, LOOK_EVERY_MS);
      };
      doc.on("update", soon);
      awareness.on("change", soon);
      return () => {
        if (timer !== null) window.clearTimeout(timer);
        doc.off("update", soon);
        awareness.off("change", soon);
      };
    },
    () => writtenLine(doc, awareness, run),
  );
}
