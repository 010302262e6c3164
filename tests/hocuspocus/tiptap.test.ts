// @vitest-environment jsdom
import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import StarterKit from "@tiptap/starter-kit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { afterTest, until, untilEqual, updatesOf } from "../clients";
import { addToProject, createDocument, createProject, type Person, type Project, signIn } from "../rest";
import { Server } from "../server";
import {
  eventsOf,
  isSaved,
  isSynced,
  open,
  openSocket,
  type Provider,
  type Socket,
  VERSIONS,
  type Version,
} from "./providers";

/** Tokens are good for so long, and are asked for again a minute before they end. */
const TOKEN_SECONDS = 63;
/** How fast somebody types. */
const KEYSTROKE_MS = 10;
/** What is typed after a token was renewed, so that there are edits on both sides of that. */
const LETTERS_AFTER = 20;

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start({
    settings: {
      GLASSBOX_AUTH_TOKEN_TTL_SECONDS: String(TOKEN_SECONDS),
      GLASSBOX_LIMITS_ACCESS_CHECK_SECONDS: "1",
    },
  });
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

beforeEach(async () => {
  ada = await signIn(server, "Ada");
});

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

  it("refuses what a viewer types, and shows it to nobody (H6)", async () => {
    const vera = await signIn(server, `Vera${version}`);
    await addToProject(server, project, ada, vera, "viewer");
    const name = await createDocument(server, project, ada);
    const here = await openEditor(version, openSocket(server, version), name);
    here.editor.commands.setContent("<p>Ada: |</p>");
    await isSaved(here.provider);
    const there = await openEditor(version, openSocket(server, version), name, vera);
    expect([there.provider.authorizedScope, there.editor.getText()]).toEqual(["readonly", "Ada: |"]);
    await typeAfter(there.editor, "Ada: ", "forged");
    // What comes next on her socket is handled after the edits.
    there.provider.setAwarenessField("said", "something");
    const said = () => [...(here.provider.awareness?.getStates().values() ?? [])].some((state) => state.said);
    await until("the viewer's presence", said, [eventsOf(here.provider, "awarenessChange")]);
    expect(here.editor.getText()).toBe("Ada: |");
    expect(there.provider.hasUnsyncedChanges).toBe(true);
    // The one who was refused goes on reading.
    await typeAfter(here.editor, "Ada: ", "for all to read");
    await until("what is written", () => there.editor.getText().includes("for all to read"), [
      updatesOf(there.provider.document),
    ]);
    await isSaved(here.provider);
    const late = await openEditor(version, openSocket(server, version), name);
    expect([here, late].map(({ editor }) => editor.getHTML())).toEqual(
      Array(2).fill("<p>Ada: for all to read|</p>"),
    );
  });

  it("loses nothing that is typed while tokens are renewed (H8)", async () => {
    const name = await createDocument(server, project, ada);
    const [here, there] = [
      await openEditor(version, openSocket(server, version), name),
      await openEditor(version, openSocket(server, version), name),
    ];
    here.editor.commands.setContent("<p>Ada: | Ben: |</p>");
    await until("the paragraph", () => there.editor.getText().includes("Ben: |"), [
      updatesOf(there.provider.document),
    ]);
    const lost: unknown[] = [];
    for (const { provider } of [here, there]) provider.on("close", (event: unknown) => lost.push(event));
    const [byAda, byBen] = await Promise.all([
      typeThroughRenewal(here, "Ada: "),
      typeThroughRenewal(there, "Ben: "),
    ]);
    await Promise.all([isSaved(here.provider), isSaved(there.provider)]);
    await untilEqual([here.provider.document, there.provider.document], (document) =>
      document.getXmlFragment("default").toString(),
    );
    const late = await openEditor(version, openSocket(server, version), name);
    for (const { editor } of [here, there, late]) {
      expect(editor.getHTML()).toBe(`<p>Ada: ${byAda}| Ben: ${byBen}|</p>`);
    }
    expect(lost).toEqual([]);
  });
});

interface Bound {
  readonly editor: Editor;
  readonly provider: Provider;
}

async function openEditor(
  version: Version,
  socket: Socket,
  name: string,
  { name: called, email }: Person = ada,
): Promise<Bound> {
  // Each token has its whole life before it.
  const token = async () => (await signIn(server, called, email)).token;
  const provider = open(server, version, name, { socket, token });
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
  goBehind(editor, words);
  for (const letter of letters) {
    editor.view.dispatch(editor.state.tr.insertText(letter));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Types behind some words until a while after the provider's token was renewed, and returns what was typed. */
async function typeThroughRenewal({ editor, provider }: Bound, words: string): Promise<string> {
  let [typed, left] = ["", Number.POSITIVE_INFINITY];
  provider.on("authenticated", () => {
    left = Math.min(left, LETTERS_AFTER);
  });
  goBehind(editor, words);
  for (; left > 0; left -= 1) {
    const letter = String.fromCharCode("a".charCodeAt(0) + (typed.length % 26));
    editor.view.dispatch(editor.state.tr.insertText(letter));
    typed += letter;
    await new Promise((resolve) => setTimeout(resolve, KEYSTROKE_MS));
  }
  expect(typed.length).toBeGreaterThan(LETTERS_AFTER);
  return typed;
}

function goBehind(editor: Editor, words: string): void {
  editor.commands.setTextSelection(editor.getText().indexOf(words) + 1 + words.length);
}
