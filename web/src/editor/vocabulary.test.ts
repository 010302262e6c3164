import { Editor } from "@tiptap/core";
import { expect, it } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { extensionsFor, SCHEMA } from "./extensions";
import { plainText, unknownIn } from "./vocabulary";
import { VocabularyGuard } from "./vocabulary-guard";

function paragraph(text: string, name = "paragraph"): Y.XmlElement {
  const element = new Y.XmlElement(name);
  element.insert(0, [new Y.XmlText(text)]);
  return element;
}

function bound(fragment: Y.XmlFragment) {
  const awareness = new Awareness(fragment.doc as Y.Doc);
  return new Editor({
    element: document.createElement("div"),
    extensions: extensionsFor({ fragment, awareness, placeholder: "", evidence: null }),
  });
}

it("knows every element that a node's body may hold", () => {
  const names = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "listItem",
    "taskList",
    "taskItem",
    "table",
    "tableRow",
    "tableHeader",
    "tableCell",
    "codeBlock",
    "blockquote",
    "horizontalRule",
    "hardBreak",
    "image",
  ];
  expect(names.filter((name) => !SCHEMA.nodes[name])).toEqual([]);
  expect(
    ["bold", "italic", "strike", "code", "underline", "link"].filter((name) => !SCHEMA.marks[name]),
  ).toEqual([]);
});

it("finds elements, marks and embeds that it does not know", () => {
  const fragment = new Y.Doc().getXmlFragment("body");
  fragment.insert(0, [paragraph("known")]);
  expect(unknownIn(fragment, SCHEMA)).toBeNull();
  (fragment.get(0) as Y.XmlElement).insert(1, [new Y.XmlText("marked")]);
  ((fragment.get(0) as Y.XmlElement).get(1) as Y.XmlText).format(0, 3, { "bold--AbCdEfGh": {} });
  expect(unknownIn(fragment, SCHEMA)).toBeNull();
  ((fragment.get(0) as Y.XmlElement).get(1) as Y.XmlText).format(0, 3, { glow: {} });
  expect(unknownIn(fragment, SCHEMA)).toBe("glow");
  fragment.delete(0, 1);
  fragment.insert(0, [paragraph("strange", "mindMap")]);
  expect(unknownIn(fragment, SCHEMA)).toBe("mindMap");
  expect(plainText(fragment)).toBe("strange");
});

it("an editor that is bound leaves alone what arrives and is unknown to it", () => {
  const doc = new Y.Doc();
  const fragment = doc.getXmlFragment("body");
  fragment.insert(0, [paragraph("known")]);
  const guard = new VocabularyGuard(fragment, SCHEMA);
  const editor = bound(fragment);
  guard.release = () => editor.destroy();

  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.getXmlFragment("body").insert(1, [paragraph("strange", "mindMap")]);
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));

  expect(guard.unknown.get()).toBe("mindMap");
  expect(editor.isDestroyed).toBe(true);
  expect(fragment.toString()).toBe("<paragraph>known</paragraph><mindmap>strange</mindmap>");
});

it("opening a text is not an edit of it", () => {
  for (const fill of [
    (_: Y.XmlFragment) => {},
    (fragment: Y.XmlFragment) => fragment.insert(0, [paragraph("a heading at the end", "heading")]),
  ]) {
    const doc = new Y.Doc();
    const fragment = doc.getXmlFragment("body");
    fill(fragment);
    const before = Y.encodeStateAsUpdate(doc);
    const editor = bound(fragment);
    expect(Y.encodeStateAsUpdate(doc)).toEqual(before);
    editor.destroy();
  }
});

it("undo in a text takes back my words and leaves those of others", () => {
  const doc = new Y.Doc();
  const fragment = doc.getXmlFragment("body");
  const editor = bound(fragment);
  editor.commands.insertContent("mine");
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.getXmlFragment("body").insert(1, [paragraph("theirs")]);
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
  editor.commands.undo();
  expect(editor.getText()).not.toContain("mine");
  expect(editor.getText()).toContain("theirs");
  editor.destroy();
});
