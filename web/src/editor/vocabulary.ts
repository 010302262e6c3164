import type { Schema } from "@tiptap/pm/model";
import * as Y from "yjs";

/** Overlapping marks carry a hash after their name. */
const MARK_HASH = /--[a-zA-Z0-9+/=]{8}$/;

/**
 * The name of something in a text that this editor has no word for, or null. The editor must not be bound to such
 * a text: what it cannot show it would delete, for everybody.
 */
export function unknownIn(content: Y.XmlFragment | Y.XmlText, schema: Schema): string | null {
  if (content instanceof Y.XmlText) return unknownInText(content, schema);
  if (content instanceof Y.XmlElement && !schema.nodes[content.nodeName]) return content.nodeName;
  for (const child of content.toArray()) {
    if (!(child instanceof Y.XmlText || child instanceof Y.XmlElement)) return "embedded content";
    const unknown = unknownIn(child, schema);
    if (unknown) return unknown;
  }
  return null;
}

function unknownInText(text: Y.XmlText, schema: Schema): string | null {
  for (const { insert, attributes } of text.toDelta() as { insert: unknown; attributes?: object }[]) {
    if (typeof insert !== "string") return "embedded content";
    for (const name of Object.keys(attributes ?? {})) {
      const mark = name.replace(MARK_HASH, "");
      if (mark !== "ychange" && !schema.marks[mark]) return mark;
    }
  }
  return null;
}

/** The words of a text, a block a line: what is shown of a text that cannot be edited here. */
export function plainText(content: Y.XmlFragment): string {
  const lines: string[] = [];
  const walk = (parent: Y.XmlFragment) => {
    for (const child of parent.toArray()) {
      if (child instanceof Y.XmlText) lines.push(wordsOf(child));
      else if (child instanceof Y.XmlElement) walk(child);
    }
  };
  walk(content);
  return lines.join("\n");
}

function wordsOf(text: Y.XmlText): string {
  return (text.toDelta() as { insert: unknown }[])
    .map(({ insert }) => (typeof insert === "string" ? insert : ""))
    .join("");
}
