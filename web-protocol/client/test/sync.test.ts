import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import { connect, startServer, textOf, type, until, untilDocs } from "./support.js";

const NAME = "doc:11111111-1111-4111-8111-111111111111";

describe("handshake and updates", () => {
  test("G12, G14: a replica is synced after the server's step 2, and gets its content", async () => {
    const server = await startServer();
    server.document(NAME).doc.getText("text").insert(0, "hello");
    const provider = connect(server).open(NAME);
    expect(provider.synced.value).toBe(false);
    await provider.whenSynced;
    expect(textOf(provider)).toBe("hello");
    expect(provider.synced.value).toBe(true);
    expect(provider.access.value).toBe("write");
    expect(provider.epoch).toBe(1);
  });

  test("G12: step 1 is answered with step 2 even when there is nothing to add", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    expect(server.framesOf(NAME, "step2")).toHaveLength(1);
    expect(provider.saved.value).toEqual({ state: "saved", unconfirmed: 0, refusal: null });
  });

  test("edits of one client reach another, with the provider as their origin", async () => {
    const server = await startServer();
    const [a, b] = [connect(server, "ada").open(NAME), connect(server, "bob").open(NAME)];
    await Promise.all([a.whenSynced, b.whenSynced]);
    const origins: unknown[] = [];
    b.doc.on("update", (_update: Uint8Array, origin: unknown) => origins.push(origin));
    type(a, "hi");
    await untilDocs([b.doc], () => textOf(b) === "hi");
    expect(origins).toEqual([b]);
  });

  test("undo takes back only what was done here", async () => {
    const server = await startServer();
    const [a, b] = [connect(server, "ada").open(NAME), connect(server, "bob").open(NAME)];
    await Promise.all([a.whenSynced, b.whenSynced]);
    const undo = new Y.UndoManager(b.doc.getText("text"));
    type(a, "A");
    await untilDocs([b.doc], () => textOf(b) === "A");
    type(b, "B");
    undo.undo();
    undo.undo();
    expect(textOf(b)).toBe("A");
    undo.destroy();
  });

  test("transactions of one task are one update frame, and are counted one by one", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    server.document(NAME).isBehind = true;
    for (const letter of "abc") type(provider, letter);
    expect(provider.saved.value).toMatchObject({ state: "saving", unconfirmed: 3 });
    await server.until(() => server.document(NAME).doc.getText("text").toString() === "abc");
    expect(server.framesOf(NAME, "update")).toHaveLength(1);
    server.setBehind(NAME, false);
    await provider.whenSaved();
    expect(provider.saved.value.unconfirmed).toBe(0);
  });

  test("G13: frames are counted from subscribed on, and a receipt covers those up to its number", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const document = server.document(NAME);
    document.isBehind = true;
    for (const letter of "ab") {
      type(provider, letter);
      await server.until(() => document.doc.getText("text").toString().endsWith(letter));
    }
    expect(provider.saved.value.unconfirmed).toBe(2);
    const { number, epoch } = document;
    const session = [...document.sessions][0];
    session?.send({ number, type: "receipt", through: 2, epoch, seq: 1 });
    await until(provider.saved, (saved) => saved.unconfirmed === 1);
    expect(provider.saved.value.state).toBe("saving");
    session?.send({ number, type: "receipt", through: 3, epoch, seq: 2 });
    await provider.whenSaved();
  });

  test("edits made before the connection are part of the answer to the server's step 1", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    type(provider, "early");
    expect(provider.saved.value).toMatchObject({ state: "offline", unconfirmed: 1 });
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("early");
    expect(server.framesOf(NAME, "update")).toHaveLength(0);
  });

  test("G11: many documents share one socket", async () => {
    const server = await startServer();
    const client = connect(server);
    const names = Array.from({ length: 20 }, (_, i) => `scratch:${i}`);
    const providers = names.map((name) => client.open(name));
    await Promise.all(providers.map((provider) => provider.whenSynced));
    providers.forEach((provider, i) => {
      type(provider, `text ${i}`);
    });
    await Promise.all(providers.map((provider) => provider.whenSaved()));
    expect(server.connections).toBe(1);
    names.forEach((name, i) => {
      expect(server.document(name).doc.getText("text").toString()).toBe(`text ${i}`);
    });
  });

  test("D4: an update whose predecessors are missing makes the client ask for them, once", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const document = server.document(NAME);
    const updates: Uint8Array[] = [];
    document.doc.on("update", (update: Uint8Array) => updates.push(update));
    document.doc.getText("text").insert(0, "one ");
    document.doc.getText("text").insert(4, "two");
    const second = updates[1];
    if (!second) throw new Error("there is no second update");
    for (const session of document.sessions) {
      session.send({ number: document.number, type: "update", body: second });
      session.send({ number: document.number, type: "update", body: second });
    }
    await untilDocs([provider.doc], () => textOf(provider) === "one two");
    expect(server.framesOf(NAME, "step1")).toHaveLength(2);
  });

  test("G12, D4: every step 1 of the server is answered, and what was sent before is sent again if it lacks it", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    type(provider, "x");
    await provider.whenSaved();
    const document = server.document(NAME);
    for (const session of document.sessions) {
      session.send({ number: document.number, type: "step1", body: new Uint8Array([0]) });
    }
    await server.until(() => server.framesOf(NAME, "step2").length === 2);
    const answer = server.framesOf(NAME, "step2")[1]?.frame;
    const copy = new Y.Doc();
    Y.applyUpdate(copy, answer && "body" in answer ? answer.body : new Uint8Array());
    expect(copy.getText("text").toString()).toBe("x");
  });

  test("an observer that throws neither stops the sync nor the socket", async () => {
    const server = await startServer();
    const [a, b] = [connect(server, "ada").open(NAME), connect(server, "bob").open(NAME)];
    await Promise.all([a.whenSynced, b.whenSynced]);
    const reported: unknown[] = [];
    const original = console.error;
    console.error = (error: unknown) => reported.push(error);
    b.doc.getText("text").observe(() => {
      throw new Error("of the application");
    });
    type(a, "x");
    await untilDocs([b.doc], () => textOf(b) === "x");
    type(a, "y");
    await untilDocs([b.doc], () => textOf(b) === "xy");
    console.error = original;
    expect(reported.length).toBeGreaterThan(0);
    expect(b.synced.value).toBe(true);
  });

  test("an update that cannot be read is an error of its document, and the socket goes on", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const document = server.document(NAME);
    for (const session of document.sessions) {
      session.send({ number: document.number, type: "update", body: new Uint8Array([9, 9, 9]) });
    }
    await until(provider.error, (error) => error?.code === "APPLY_FAILED");
    type(provider, "on");
    await provider.whenSaved();
  });
});

describe("G25: repairs", () => {
  test("what was repaired is told, each time", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSynced;
    const told: unknown[] = [];
    provider.repaired.subscribe((repaired) => told.push(repaired));
    const repaired = { repairs: [{ path: "outputs.0", reason: "not_a_map" }], more: 0 };
    server.sendAll("repaired", { channel: NAME, ...repaired });
    server.sendAll("repaired", { channel: NAME, ...repaired });
    await until(provider.repaired, () => told.length === 2);
    expect(told).toEqual([repaired, repaired]);
  });
});

describe("G17: lag", () => {
  test("lagging and caught_up are shown", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSynced;
    server.sendAll("lagging", { channel: NAME });
    await until(provider.lagging, (lagging) => lagging);
    server.sendAll("caught_up", { channel: NAME });
    await until(provider.lagging, (lagging) => !lagging);
  });
});
