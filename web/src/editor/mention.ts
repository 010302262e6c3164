import { mergeAttributes, Node } from "@tiptap/core";

/** Somebody who is named in a text, in the shape of Tiptap's own mentions. The server tells them. */
export const Mention = Node.create({
  name: "mention",
  group: "inline",
  inline: true,
  atom: true,
  selectable: false,
  addAttributes() {
    return { id: { default: null }, label: { default: null } };
  },
  parseHTML() {
    return [{ tag: 'span[data-type="mention"]' }];
  },
  renderHTML({ node, HTMLAttributes }) {
    const attributes = mergeAttributes({ "data-type": "mention", class: "mention" }, HTMLAttributes);
    return ["span", attributes, mentionText(node.attrs)];
  },
  renderText: ({ node }) => mentionText(node.attrs),
});

function mentionText({ id, label }: Record<string, unknown>): string {
  return `@${label ?? id ?? "somebody"}`;
}
