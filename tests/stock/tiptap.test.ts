// @vitest-environment jsdom
import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import StarterKit from "@tiptap/starter-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Y from "yjs";
import {
  afterTest,
  isSynced,
  openedAfresh,
  openStock,
  seededRandom,
  until,
  untilEqual,
  updatesOf,
} from "../clients";
import { Server } from "../server";

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(() => server.remove());

describe("Tiptap with its collaboration extension over y-websocket", () => {
  it("lets two people type in one paragraph at the same time", async () => {
    const name = "scratch:tiptap-typing";
    const [ada, ben] = [await openEditor(name), await openEditor(name)];
    ada.editor.commands.setContent("<p>Ada: | Ben: |</p>");
    await until("the paragraph", () => ben.editor.getText().includes("Ben: |"), [updatesOf(ben.doc)]);
    await Promise.all([
      typeAfter(ada.editor, "Ada: ", "the quick brown fox jumps over the lazy dog"),
      typeAfter(ben.editor, "Ben: ", "pack my box with five dozen liquor jugs"),
    ]);
    const docs = [ada.doc, ben.doc];
    await untilEqual(docs, bodyOf);
    const wanted =
      "<p>Ada: the quick brown fox jumps over the lazy dog| Ben: pack my box with five dozen liquor jugs|</p>";
    await until("all letters", () => ada.editor.getHTML() === wanted, docs.map(updatesOf));
    expect(ben.editor.getHTML()).toBe(wanted);
  });

  it("merges marks, lists and headings into the same text everywhere", async () => {
    const name = "scratch:tiptap-form";
    const [ada, ben] = [await openEditor(name), await openEditor(name)];
    ada.editor.commands.setContent("<h1>Plan</h1><p>first second</p>");
    await until("the text", () => ben.editor.getText().includes("second"), [updatesOf(ben.doc)]);
    ada.editor.chain().setTextSelection(rangeOf(ada.editor, "first")).setBold().run();
    ben.editor.chain().setTextSelection(rangeOf(ben.editor, "second")).setItalic().run();
    ben.editor.commands.insertContentAt(
      ben.editor.state.doc.content.size,
      "<ul><li><p>a point</p></li></ul>",
    );
    const wanted =
      "<h1>Plan</h1><p><strong>first</strong> <em>second</em></p><ul><li><p>a point</p></li></ul>";
    for (const { editor, doc } of [ada, ben]) {
      await until("the merged text", () => editor.getHTML().startsWith(wanted), [updatesOf(doc)]);
    }
    const late = await openEditor(name);
    expect(late.editor.getHTML()).toBe(ada.editor.getHTML());
    expect(bodyOf(await openedAfresh(server, name))).toBe(bodyOf(ada.doc));
  });
});

async function openEditor(name: string): Promise<{ editor: Editor; doc: Y.Doc }> {
  const stock = openStock(server, name);
  await isSynced(stock);
  const editor = new Editor({
    element: document.createElement("div"),
    extensions: [
      StarterKit.configure({ undoRedo: false, trailingNode: false }),
      Collaboration.configure({ document: stock.doc }),
    ],
  });
  afterTest(() => editor.destroy());
  return { editor, doc: stock.doc };
}

function bodyOf(doc: Y.Doc): string {
  return doc.getXmlFragment("default").toString();
}

/** Types letter by letter behind some words, and leaves the others room at random letters. */
async function typeAfter(editor: Editor, words: string, letters: string): Promise<void> {
  const random = seededRandom(letters.length);
  editor.commands.setTextSelection(rangeOf(editor, words).to);
  for (const letter of letters) {
    editor.view.dispatch(editor.state.tr.insertText(letter));
    if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
  }
}

function rangeOf(editor: Editor, words: string): { from: number; to: number } {
  let found: { from: number; to: number } | null = null;
  editor.state.doc.descendants((node, position) => {
    const at = node.isText ? (node.text?.indexOf(words) ?? -1) : -1;
    if (at >= 0) found ??= { from: position + at, to: position + at + words.length };
  });
  if (!found) throw new Error(`"${words}" is not in the text`);
  return found;
}
