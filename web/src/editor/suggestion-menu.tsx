import type { Editor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { useEffect, useId, useState } from "react";
import { createPortal } from "react-dom";
import { Icon, type IconName } from "../ui/icon";

/** Where in a text something is asked for, and by which letters. */
export interface Query {
  query: string;
  from: number;
  to: number;
}

export interface Suggestion {
  key: string;
  label: string;
  icon: IconName;
  /** Puts it where the query was, which is gone by then. */
  insert: (editor: Editor) => void;
}

interface SuggestionMenuProps {
  editor: Editor;
  label: string;
  /** What the letters before the caret ask for. The same function each time. */
  find: (editor: Editor) => Query | null;
  suggestionsFor: (query: string) => readonly Suggestion[];
}

/** A menu at the caret that opens when certain letters are typed. */
export function SuggestionMenu({ editor, label, find, suggestionsFor }: SuggestionMenuProps) {
  const found = useEditorState({
    editor,
    selector: ({ editor }) => (editor.isDestroyed || !editor.isFocused ? null : find(editor)),
  });
  const [dismissedAt, setDismissedAt] = useState<number | null>(null);
  useEffect(() => {
    if (!found) setDismissedAt(null);
  }, [found]);
  if (!found || dismissedAt === found.from) return null;
  const suggestions = suggestionsFor(found.query);
  if (suggestions.length === 0) return null;
  return (
    <OpenMenu
      key={found.query}
      editor={editor}
      label={label}
      range={found}
      suggestions={suggestions}
      onDismiss={() => setDismissedAt(found.from)}
    />
  );
}

interface OpenMenuProps {
  editor: Editor;
  label: string;
  range: Query;
  suggestions: readonly Suggestion[];
  onDismiss: () => void;
}

function OpenMenu({ editor, label, range, suggestions, onDismiss }: OpenMenuProps) {
  const [active, setActive] = useState(0);
  const id = useId();
  const run = (suggestion: Suggestion | undefined) => {
    if (!suggestion) return;
    editor.chain().deleteRange({ from: range.from, to: range.to }).run();
    suggestion.insert(editor);
  };

  useEffect(() => {
    const field = editor.view.dom;
    const onKeyDown = (event: KeyboardEvent) => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) setActive((index) => (index + step + suggestions.length) % suggestions.length);
      else if (event.key === "Enter" || event.key === "Tab") run(suggestions[active]);
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
      aria-label={label}
      className="fixed z-50 max-h-72 w-56 animate-rise overflow-y-auto rounded-xl border border-line bg-raised p-1 shadow-float"
      style={{
        left: at.left,
        ...(above ? { bottom: window.innerHeight - at.top + 6 } : { top: at.bottom + 6 }),
      }}
    >
      {suggestions.map((suggestion, index) => (
        <div
          key={suggestion.key}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          onMouseDown={(event) => {
            event.preventDefault();
            run(suggestion);
          }}
          className="flex cursor-pointer items-center gap-3 rounded-lg px-3 py-1.5 text-[13px] hover:bg-hover aria-selected:bg-accent-soft"
        >
          <Icon name={suggestion.icon} />
          <span className="truncate">{suggestion.label}</span>
        </div>
      ))}
    </div>,
    document.body,
  );
}
