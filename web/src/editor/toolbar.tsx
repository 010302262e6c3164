import type { Editor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { type FormEvent, useState } from "react";
import { Button, IconButton } from "../ui/button";
import type { IconName } from "../ui/icon";

const STYLES = [
  ["paragraph", "Text"],
  ["1", "Heading 1"],
  ["2", "Heading 2"],
  ["3", "Heading 3"],
  ["codeBlock", "Code block"],
] as const;

interface Toggle {
  icon: IconName;
  label: string;
  active: (editor: Editor) => boolean;
  run: (editor: Editor) => void;
}

const TOGGLES: readonly Toggle[] = [
  mark("bold", "Bold", (editor) => editor.chain().focus().toggleBold().run()),
  mark("italic", "Italic", (editor) => editor.chain().focus().toggleItalic().run()),
  mark("strike", "Strikethrough", (editor) => editor.chain().focus().toggleStrike().run()),
  mark("code", "Code", (editor) => editor.chain().focus().toggleCode().run()),
  list("bullets", "Bullet list", "bulletList", (editor) => editor.chain().focus().toggleBulletList().run()),
  list("numbers", "Numbered list", "orderedList", (editor) =>
    editor.chain().focus().toggleOrderedList().run(),
  ),
  list("tasks", "Task list", "taskList", (editor) => editor.chain().focus().toggleTaskList().run()),
  list("quote", "Quote", "blockquote", (editor) => editor.chain().focus().toggleBlockquote().run()),
];

function mark(name: "bold" | "italic" | "strike" | "code", label: string, run: Toggle["run"]): Toggle {
  return { icon: name, label, active: (editor) => editor.isActive(name), run };
}

function list(icon: IconName, label: string, name: string, run: Toggle["run"]): Toggle {
  return { icon, label, active: (editor) => editor.isActive(name), run };
}

/** The form of a text: style, marks, lists, links, tables, images. */
export function Toolbar({ editor, label }: { editor: Editor; label: string }) {
  const [asking, setAsking] = useState<"link" | "image" | null>(null);
  const state = useEditorState({
    editor,
    selector: ({ editor }) => ({
      style: styleOf(editor),
      active: TOGGLES.map((toggle) => toggle.active(editor)),
      link: editor.isActive("link"),
      inTable: editor.isActive("table"),
    }),
  });
  return (
    <div className="toolbar">
      <div role="toolbar" aria-label={label} className="flex items-center gap-0.5 overflow-x-auto p-0.5">
        <select
          aria-label="Text style"
          value={state.style}
          onChange={(event) => setStyle(editor, event.target.value)}
          className="mr-1 h-8 w-[100px] rounded-lg bg-transparent px-1 text-[13px] hover:bg-hover"
        >
          {STYLES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        {TOGGLES.map((toggle, index) => (
          <IconButton
            key={toggle.label}
            icon={toggle.icon}
            label={toggle.label}
            aria-pressed={state.active[index]}
            onClick={() => toggle.run(editor)}
          />
        ))}
        <IconButton icon="link" label="Link" aria-pressed={state.link} onClick={() => setAsking("link")} />
        <IconButton icon="image" label="Image" onClick={() => setAsking("image")} />
        <IconButton
          icon="table"
          label="Table"
          onClick={() => editor.chain().focus().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run()}
        />
      </div>
      {state.inTable && <TableTools editor={editor} />}
      {asking && <AddressForm editor={editor} what={asking} onDone={() => setAsking(null)} />}
    </div>
  );
}

function styleOf(editor: Editor): string {
  if (editor.isActive("codeBlock")) return "codeBlock";
  const level = [1, 2, 3].find((level) => editor.isActive("heading", { level }));
  return level ? String(level) : "paragraph";
}

function setStyle(editor: Editor, style: string): void {
  const chain = editor.chain().focus();
  if (style === "codeBlock") chain.setCodeBlock().run();
  else if (style === "paragraph") chain.setParagraph().run();
  else chain.setHeading({ level: Number(style) as 1 | 2 | 3 }).run();
}

function TableTools({ editor }: { editor: Editor }) {
  const tools: [string, () => void][] = [
    ["Add row", () => editor.chain().focus().addRowAfter().run()],
    ["Add column", () => editor.chain().focus().addColumnAfter().run()],
    ["Delete row", () => editor.chain().focus().deleteRow().run()],
    ["Delete column", () => editor.chain().focus().deleteColumn().run()],
    ["Delete table", () => editor.chain().focus().deleteTable().run()],
  ];
  return (
    <div role="toolbar" aria-label="Table" className="flex flex-wrap gap-1 pt-1">
      {tools.map(([label, run]) => (
        <Button key={label} look="quiet" className="h-7 px-2 text-xs" onClick={run}>
          {label}
        </Button>
      ))}
    </div>
  );
}

function AddressForm({
  editor,
  what,
  onDone,
}: {
  editor: Editor;
  what: "link" | "image";
  onDone: () => void;
}) {
  const initial: unknown = what === "link" ? editor.getAttributes("link").href : "";
  const [address, setAddress] = useState(typeof initial === "string" ? initial : "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const target = address.trim();
    if (what === "image" && target) editor.chain().focus().setImage({ src: target }).run();
    if (what === "link") setLink(editor, target);
    onDone();
  };
  const label = what === "link" ? "Address of the link" : "Address of the image";
  return (
    <form onSubmit={submit} className="flex items-center gap-1 pt-1">
      <input
        // biome-ignore lint/a11y/noAutofocus: it was asked for just now
        autoFocus
        aria-label={label}
        placeholder={label}
        value={address}
        onChange={(event) => setAddress(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          onDone();
          editor.commands.focus();
        }}
        className="h-8 min-w-0 flex-1 rounded-lg border border-line-strong bg-surface px-2 text-[13px]"
      />
      <Button type="submit">{what === "link" && !address.trim() ? "Remove link" : "Set"}</Button>
    </form>
  );
}

function setLink(editor: Editor, href: string): void {
  const chain = editor.chain().focus().extendMarkRange("link");
  if (!href) chain.unsetLink().run();
  else if (editor.state.selection.empty && !editor.isActive("link")) {
    chain.insertContent({ type: "text", text: href, marks: [{ type: "link", attrs: { href } }] }).run();
  } else chain.setLink({ href }).run();
}
