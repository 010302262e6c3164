import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { openSdk, PATIENCE_MS, until, updatesOf } from "./clients";
import { call, createNode, createProject, type Person, type Project, signIn } from "./rest";
import { Server, within } from "./server";

const WRITES = 20;
/** How soon what REST writes is to be on the screens of others: the middle one of all writes. */
const ON_SCREENS_MS = 100;

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
}, 120_000);

afterAll(() => server?.remove());

/** A node that says this, open in a client that has all of it. */
async function openNode(body: string) {
  const id = await createNode(server, project, ada);
  await write(id, { body });
  const client = openSdk(server, `node:${id}`, ada.token);
  await within(PATIENCE_MS, "the node to sync", client.whenSynced);
  return { id, doc: client.doc };
}

function write(id: string, change: { body: string; baseBody?: string }): Promise<unknown> {
  return call(server, `/nodes/${id}`, { person: ada, method: "PATCH", body: change });
}

/** The text of the first paragraph. */
function textOf(doc: Y.Doc): Y.XmlText {
  const paragraph = doc.getXmlFragment("body").get(0);
  if (!(paragraph instanceof Y.XmlElement)) throw new Error("there is no paragraph");
  const text = paragraph.get(0);
  if (!(text instanceof Y.XmlText)) throw new Error("there is no text");
  return text;
}

it("keeps what is typed and what REST writes into the same text at the same time", async () => {
  const { id, doc } = await openNode("Buy milk.");
  const text = textOf(doc);
  let [typed, written] = ["", "Buy milk."];
  for (let count = 1; count <= WRITES; count += 1) {
    const next = `Buy milk. And ${count} eggs.`;
    const writing = write(id, { body: next, baseBody: written });
    const letter = String.fromCharCode(64 + count);
    text.insert(typed.length, letter);
    typed += letter;
    await writing;
    written = next;
  }
  await until("all of it to be there", () => text.toString() === typed + written, [updatesOf(doc)]);
  const node = await call<{ body: string }>(server, `/nodes/${id}`, { person: ada });
  expect(node.body.trim()).toBe(typed + written);
});

it("shows what REST writes on other screens at once", async () => {
  const { id, doc } = await openNode("Nothing yet.");
  const took: number[] = [];
  for (let count = 1; count <= WRITES; count += 1) {
    const body = `Written ${count} times.`;
    const begun = performance.now();
    const seen = until("it to be on the screen", () => textOf(doc).toString() === body, [updatesOf(doc)]);
    await Promise.all([write(id, { body }), seen.then(() => took.push(performance.now() - begun))]);
  }
  const middle = took.sort((one, other) => one - other)[WRITES / 2];
  expect(middle).toBeLessThan(ON_SCREENS_MS);
});
