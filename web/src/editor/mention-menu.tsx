import type { Editor } from "@tiptap/core";
import { use } from "react";
import { NamesContext } from "../canvas/canvas-context";
import { rank } from "../lib/rank";
import { type Query, type Suggestion, SuggestionMenu } from "./suggestion-menu";

const SHOWN_AT_MOST = 8;

/** What follows an @ that begins a word. */
export function mentionQuery(editor: Editor): Query | null {
  const { selection } = editor.state;
  const { $from } = selection;
  if (!selection.empty || !$from.parent.isTextblock || $from.parent.type.spec.code) return null;
  const before = $from.parent.textBetween(0, $from.parentOffset, undefined, "\ufffc");
  const query = queryIn(before);
  return query === null ? null : { query, from: $from.pos - query.length - 1, to: $from.pos };
}

/** The letters after an @, if what is before the caret ends so. */
export function queryIn(before: string): string | null {
  return /(?:^|[\s(\ufffc])@([\p{L}\p{N}._-]{0,30})$/u.exec(before)?.[1] ?? null;
}

/** The menu of people that opens when an @ is typed. */
export function MentionMenu({ editor }: { editor: Editor }) {
  const names = use(NamesContext);
  const suggestionsFor = (query: string) => {
    const people = [...names].map(
      ([id, label]): Suggestion => ({
        key: id,
        label,
        icon: "people",
        insert: (editor) =>
          editor
            .chain()
            .focus()
            .insertContent([
              { type: "mention", attrs: { id, label } },
              { type: "text", text: " " },
            ])
            .run(),
      }),
    );
    return rank(query, people).slice(0, SHOWN_AT_MOST);
  };
  return (
    <SuggestionMenu editor={editor} label="People" find={mentionQuery} suggestionsFor={suggestionsFor} />
  );
}
