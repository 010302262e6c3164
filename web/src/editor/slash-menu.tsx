import type { Editor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { useEffect, useId, useState } from "react";
import { createPortal } from "react-dom";
import { Icon } from "../ui/icon";
import { type Block, blocksFor } from "./blocks";

interface SlashQuery {
  query: string;
  from: number;
  to: number;
}

/** What follows a slash at the start of the line that the caret is in. */
function slashQuery(editor: Editor): SlashQuery | null {
  const { selection } = editor.state;
  const { $from } = selection;
  if (!selection.empty || !$from.parent.isTextblock || $from.parent.type.spec.code) return null;
  const before = $from.parent.textBetween(0, $from.parentOffset, undefined, "\ufffc");
  const match = /^\/([\p{L}\d ]{0,20})$/u.exec(before);
  return match ? { query: match[1] ?? "", from: $from.start(), to: $from.pos } : null;
}

/** The menu that opens when a line starts with a slash. */
export function SlashMenu({ editor }: { editor: Editor }) {
  const found = useEditorState({
    editor,
    selector: ({ editor }) => (editor.isDestroyed || !editor.isFocused ? null : slashQuery(editor)),
  });
  const [dismissedAt, setDismissedAt] = useState<number | null>(null);
  useEffect(() => {
    if (!found) setDismissedAt(null);
  }, [found]);
  if (!found || dismissedAt === found.from) return null;
  const blocks = blocksFor(found.query);
  if (blocks.length === 0) return null;
  return (
    <OpenMenu
      key={found.query}
      editor={editor}
      range={found}
      blocks={blocks}
      onDismiss={() => setDismissedAt(found.from)}
    />
  );
}

interface OpenMenuProps {
  editor: Editor;
  range: SlashQuery;
  blocks: readonly Block[];
  onDismiss: () => void;
}

function OpenMenu({ editor, range, blocks, onDismiss }: OpenMenuProps) {
  const [active, setActive] = useState(0);
  const id = useId();
  const run = (block: Block | undefined) => {
    if (!block) return;
    editor.chain().deleteRange({ from: range.from, to: range.to }).run();
    block.insert(editor);
  };

  useEffect(() => {
    const field = editor.view.dom;
    const onKeyDown = (event: KeyboardEvent) => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) setActive((index) => (index + step + blocks.length) % blocks.length);
      else if (event.key === "Enter" || event.key === "Tab") run(blocks[active]);
      else if (event.key === "Escape") onDismiss();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    field.addEventListener("keydown", onKeyDown, { capture: true });
    field.setAttribute("aria-activedescendant", `${id}-${active}`);
    field.setAttribute("aria-controls", id);
    return () => {
      field.removeEventListener("keydown", onKeyDown, { capture: true });
      field.removeAttribute("aria-activedescendant");
      field.removeAttribute("aria-controls");
    };
  });

  const at = editor.view.coordsAtPos(range.from);
  const above = at.bottom + 320 > window.innerHeight;
  return createPortal(
    <div
      id={id}
      role="listbox"
      aria-label="Insert"
      className="fixed z-50 max-h-72 w-56 animate-rise overflow-y-auto rounded-xl border border-line bg-raised p-1 shadow-float"
      style={{
        left: at.left,
        ...(above ? { bottom: window.innerHeight - at.top + 6 } : { top: at.bottom + 6 }),
      }}
    >
      {blocks.map((block, index) => (
        <div
          key={block.label}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          onMouseDown={(event) => {
            event.preventDefault();
            run(block);
          }}
          className="flex cursor-pointer items-center gap-3 rounded-lg px-3 py-1.5 text-[13px] hover:bg-hover aria-selected:bg-accent-soft"
        >
          <Icon name={block.icon} />
          {block.label}
        </div>
      ))}
    </div>,
    document.body,
  );
}
