// @vitest-environment jsdom
import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import StarterKit from "@tiptap/starter-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { afterTest, until, untilEqual, updatesOf } from "../clients";
import { createDocument, createProject, type Person, type Project, signIn } from "../rest";
import { Server } from "../server";
import {
  isSaved,
  isSynced,
  open,
  openSocket,
  type Provider,
  type Socket,
  VERSIONS,
  type Version,
} from "./providers";

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

describe.each(VERSIONS)("Tiptap over version $version of the provider", ({ version }) => {
  it("lets two people type in one paragraph, and in two documents at the same time", async () => {
    const names = [await createDocument(server, project, ada), await createDocument(server, project, ada)];
    const sockets = [openSocket(server, version), openSocket(server, version)];
    for (const name of names) {
      const [here, there] = (await Promise.all(
        sockets.map((socket) => openEditor(version, socket, name)),
      )) as [Bound, Bound];
      here.editor.commands.setContent("<p>Ada: | Ben: |</p>");
      await until("the paragraph", () => there.editor.getText().includes("Ben: |"), [
        updatesOf(there.provider.document),
      ]);
      await Promise.all([
        typeAfter(here.editor, "Ada: ", "the quick fox"),
        typeAfter(there.editor, "Ben: ", "five dozen jugs"),
      ]);
      const documents = [here.provider.document, there.provider.document];
      const wanted = "<p>Ada: the quick fox| Ben: five dozen jugs|</p>";
      await until("all letters", () => here.editor.getHTML() === wanted, documents.map(updatesOf));
      await untilEqual(documents, (document) => document.getXmlFragment("default").toString());
      expect(there.editor.getHTML()).toBe(wanted);
      await Promise.all([isSaved(here.provider), isSaved(there.provider)]);
      const late = await openEditor(version, openSocket(server, version), name);
      expect(late.editor.getHTML()).toBe(wanted);
    }
  });
});

interface Bound {
  readonly editor: Editor;
  readonly provider: Provider;
}

async function openEditor(version: Version, socket: Socket, name: string): Promise<Bound> {
  const provider = open(server, version, name, { socket, token: ada.token });
  await isSynced(provider);
  const editor = new Editor({
    element: document.createElement("div"),
    extensions: [
      StarterKit.configure({ undoRedo: false, trailingNode: false }),
      Collaboration.configure({ document: provider.document }),
    ],
  });
  afterTest(() => editor.destroy());
  return { editor, provider };
}

/** Types letter by letter behind some words, and leaves the other room between letters. */
async function typeAfter(editor: Editor, words: string, letters: string): Promise<void> {
  const at = editor.getText().indexOf(words) + 1 + words.length;
  editor.commands.setTextSelection(at);
  for (const letter of letters) {
    editor.view.dispatch(editor.state.tr.insertText(letter));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
