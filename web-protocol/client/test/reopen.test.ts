import "fake-indexeddb/auto";

import { expect, test } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { unsavedDocuments } from "../src/index.js";
import { connect, startServer, type, until } from "./support.js";

const NAME = "node:77777777-7777-4777-8777-777777777777";

test("a document that does not exist yet is opened again with the same Y.Doc, and no edit is lost or counted twice", async () => {
  const server = await startServer();
  const client = connect(server);
  server.refuseSubscribe = () => ({ code: "NOT_FOUND", message: "no such document", retry: false });
  const doc = new Y.Doc();
  const options = { doc, awareness: new Awareness(doc), persistence: { prefix: "reopen" } };
  const first = client.open(NAME, options);
  type(first, "a");
  type(first, "b");
  await until(first.error, (error) => error?.code === "NOT_FOUND");
  expect(first.saved.value).toMatchObject({ state: "refused", unconfirmed: 2 });
  await first.close();
  const second = client.open(NAME, options);
  expect(second.saved.value.unconfirmed).toBe(2);
  await until(second.error, (error) => error?.code === "NOT_FOUND");
  expect(second.saved.value.unconfirmed).toBe(2);
  await second.close();
  server.refuseSubscribe = () => null;
  const third = client.open(NAME, options);
  await third.whenSaved();
  expect(server.document(NAME).doc.getText("text").toString()).toBe("ab");
  await client.close();
  expect(await unsavedDocuments("reopen")).toEqual([]);
  options.awareness.destroy();
});

test("edits made between a close and an open are not taken for saved", async () => {
  const server = await startServer();
  const client = connect(server);
  const doc = new Y.Doc();
  const first = client.open(NAME, { doc });
  await first.whenSaved();
  await first.close();
  server.ignoresSubscribes = true;
  const second = client.open(NAME, { doc });
  expect(second.saved.value.unconfirmed).toBe(0);
  await second.close();
  doc.getText("text").insert(0, "between");
  const third = client.open(NAME, { doc });
  expect(third.saved.value.unconfirmed).toBe(1);
});
