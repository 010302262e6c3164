import { Extension } from "@tiptap/core";
import { yCursorPlugin } from "@tiptap/y-tiptap";
import type { Awareness } from "y-protocols/awareness";
import { type Person, personIn, personOf } from "../presence/peers";
import { badgeStyle } from "../ui/color";

/**
 * The carets and selections of others in a text, named and coloured by what the server says of them. Unlike
 * Tiptap's own extension it never writes `user` into the presence: that member is the server's.
 */
export const Carets = Extension.create<{ awareness: Awareness | null }>({
  name: "carets",
  priority: 999,
  addOptions() {
    return { awareness: null };
  },
  addProseMirrorPlugins() {
    const { awareness } = this.options;
    if (!awareness) return [];
    return [
      yCursorPlugin(awareness, {
        awarenessStateFilter: (mine: number, theirs: number, state: { user?: unknown }) =>
          mine !== theirs && personOf(state.user) !== null,
        cursorBuilder: (user: unknown) => caretOf(personIn(awareness, user)),
        selectionBuilder: (user: unknown) => ({
          class: "caret-selection",
          style: `background-color: color-mix(in srgb, ${personOf(user)?.color ?? "gray"} 28%, transparent)`,
        }),
      }),
    ];
  },
});

function caretOf(person: Person | null): HTMLElement {
  const color = person?.color ?? "#6b7280";
  const caret = document.createElement("span");
  caret.className = "caret";
  caret.style.borderColor = color;
  if ((person?.look ?? "filled") !== "filled") caret.style.borderLeftStyle = "dashed";
  const label = document.createElement("span");
  label.className = person?.kind === "agent" ? "caret-label caret-agent" : "caret-label";
  Object.assign(label.style, badgeStyle(person ?? { color }));
  label.textContent = person?.name ?? "Somebody";
  caret.append(label);
  return caret;
}
