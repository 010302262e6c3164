import type { Editor } from "@tiptap/core";
import { blocksFor } from "./blocks";
import { type Query, type Suggestion, SuggestionMenu } from "./suggestion-menu";

/** What follows a slash at the start of the line that the caret is in. */
function slashQuery(editor: Editor): Query | null {
  const { selection } = editor.state;
  const { $from } = selection;
  if (!selection.empty || !$from.parent.isTextblock || $from.parent.type.spec.code) return null;
  const before = $from.parent.textBetween(0, $from.parentOffset, undefined, "\ufffc");
  const match = /^\/([\p{L}\d ]{0,20})$/u.exec(before);
  return match ? { query: match[1] ?? "", from: $from.start(), to: $from.pos } : null;
}

const suggestionsFor = (query: string): Suggestion[] =>
  blocksFor(query).map(({ label, icon, insert }) => ({ key: label, label, icon, insert }));

/** The menu that opens when a line starts with a slash. */
export function SlashMenu({ editor }: { editor: Editor }) {
  return <SuggestionMenu editor={editor} label="Insert" find={slashQuery} suggestionsFor={suggestionsFor} />;
}
