import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import type { FakeServer } from "./fake-server.js";
import { connect, startServer, textOf, type, until } from "./support.js";

const NAME = "node:77777777-7777-4777-8777-777777777777";
const LIMIT = 1000;

async function startStrictServer(): Promise<FakeServer> {
  const server = await startServer();
  server.limits = { frameBytes: 2000, updateBytes: LIMIT, channels: 1 };
  return server;
}

/** Sizes of what the server was sent. */
function sizes(server: FakeServer, kind: "update" | "step2"): number[] {
  return server.framesOf(NAME, kind).map(({ frame }) => ("body" in frame ? frame.body.byteLength : 0));
}

/** Some 10 KB of edits by three clients of one person, as a device keeps them. */
function keptOffline(): Y.Doc {
  const doc = new Y.Doc();
  for (let tab = 0; tab < 3; tab++) {
    const other = new Y.Doc();
    Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
    for (let i = 0; i < 30; i++) {
      other.getText("text").insert(i, `${tab} `);
      other.getMap("map").set(`key ${i}`, "v".repeat(60));
    }
    other.getText("text").delete(5, 10);
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
  }
  return doc;
}

describe("G12: what is too large for a frame", () => {
  test("a replica that was edited offline is saved in pieces, the last of which is the step 2", async () => {
    const server = await startStrictServer();
    const doc = keptOffline();
    const provider = connect(server).open(NAME, { doc, epoch: null });
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe(doc.getText("text").toString());
    expect(server.document(NAME).doc.getMap("map").toJSON()).toEqual(doc.getMap("map").toJSON());
    expect(sizes(server, "update").length).toBeGreaterThan(3);
    expect(sizes(server, "step2")).toHaveLength(1);
    expect(Math.max(...sizes(server, "update"), ...sizes(server, "step2"))).toBeLessThanOrEqual(LIMIT);
    type(provider, "later");
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe(textOf(provider));
  });

  test("the next piece is sent when the last is saved, and edits meanwhile follow the answer", async () => {
    const server = await startStrictServer();
    const document = server.document(NAME);
    document.isBehind = true;
    const provider = connect(server).open(NAME, { doc: keptOffline(), epoch: null });
    await server.until(() => sizes(server, "update").length === 1);
    type(provider, " meanwhile");
    expect(provider.saved.value).toMatchObject({ state: "saving", unconfirmed: 2 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(sizes(server, "update")).toHaveLength(1);
    server.setBehind(NAME, false);
    await provider.whenSaved();
    expect(document.doc.getText("text").toString()).toBe(textOf(provider));
    expect(textOf(provider)).toContain(" meanwhile");
  });

  test("a line that breaks amidst the pieces: what is saved is not sent again", async () => {
    const server = await startStrictServer();
    const provider = connect(server).open(NAME, { doc: keptOffline(), epoch: null });
    await server.until(() => sizes(server, "update").length === 3);
    server.drop();
    await provider.whenSaved();
    const document = server.document(NAME);
    expect(document.doc.getText("text").toString()).toBe(textOf(provider));
    const sent = [...sizes(server, "update"), ...sizes(server, "step2")].reduce((sum, each) => sum + each, 0);
    expect(sent).toBeLessThan(Y.encodeStateAsUpdate(provider.doc).byteLength * 1.5 + 2 * LIMIT);
  });

  test("D8: a piece that is refused for now is offered again, by itself", async () => {
    const server = await startStrictServer();
    let frames = 0;
    server.refuse = () => {
      frames += 1;
      return frames === 3 ? { code: "SAVING_BEHIND", message: "later", retry: true } : null;
    };
    const provider = connect(server).open(NAME, { doc: keptOffline(), epoch: null });
    const states = new Set<string>();
    provider.saved.subscribe(({ state }) => states.add(state));
    await provider.whenSaved();
    expect(states).toContain("behind");
    expect(states).not.toContain("refused");
    expect(server.document(NAME).doc.getText("text").toString()).toBe(textOf(provider));
  });

  test("an edit that is larger than a frame, made while attached, is saved in pieces", async () => {
    const server = await startStrictServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    type(provider, "😀".repeat(2000));
    expect(provider.saved.value.unconfirmed).toBe(1);
    await until(provider.saved, ({ unconfirmed }) => unconfirmed === 0);
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("😀".repeat(2000));
  });

  test("who may only read keeps such edits to themselves", async () => {
    const server = await startStrictServer();
    server.document(NAME).access = "read";
    const provider = connect(server).open(NAME, { doc: keptOffline(), epoch: null });
    await until(provider.saved, ({ refusal }) => refusal !== null);
    expect(provider.saved.value).toMatchObject({
      state: "read-only",
      unconfirmed: 1,
      refusal: { code: "READ_ONLY" },
    });
    expect(sizes(server, "update")).toEqual([]);
  });
});
