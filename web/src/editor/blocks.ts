import type { Editor } from "@tiptap/core";
import type { IconName } from "../ui/icon";

/** Something that the slash menu can put in place of the line. */
export interface Block {
  label: string;
  /** Other words under which it is found. */
  words: string;
  icon: IconName;
  insert: (editor: Editor) => void;
}

export const BLOCKS: readonly Block[] = [
  {
    label: "Text",
    words: "paragraph",
    icon: "text",
    insert: (editor) => editor.chain().focus().setParagraph().run(),
  },
  heading(1),
  heading(2),
  heading(3),
  {
    label: "Bullet list",
    words: "unordered",
    icon: "bullets",
    insert: (editor) => editor.chain().focus().toggleBulletList().run(),
  },
  {
    label: "Numbered list",
    words: "ordered",
    icon: "numbers",
    insert: (editor) => editor.chain().focus().toggleOrderedList().run(),
  },
  {
    label: "Task list",
    words: "todo checkbox",
    icon: "tasks",
    insert: (editor) => editor.chain().focus().toggleTaskList().run(),
  },
  {
    label: "Quote",
    words: "blockquote",
    icon: "quote",
    insert: (editor) => editor.chain().focus().toggleBlockquote().run(),
  },
  {
    label: "Code block",
    words: "pre source",
    icon: "code",
    insert: (editor) => editor.chain().focus().toggleCodeBlock().run(),
  },
  {
    label: "Table",
    words: "grid rows columns",
    icon: "table",
    insert: (editor) => editor.chain().focus().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run(),
  },
  {
    label: "Divider",
    words: "horizontal rule line",
    icon: "zoomOut",
    insert: (editor) => editor.chain().focus().setHorizontalRule().run(),
  },
];

function heading(level: 1 | 2 | 3): Block {
  return {
    label: `Heading ${level}`,
    words: `title h${level}`,
    icon: "text",
    insert: (editor) => editor.chain().focus().setHeading({ level }).run(),
  };
}

/** The blocks that a query finds. */
export function blocksFor(query: string): readonly Block[] {
  const wanted = query.toLowerCase();
  return BLOCKS.filter(({ label, words }) => `${label} ${words}`.toLowerCase().includes(wanted));
}
