import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import { connect, startServer, textOf, type, until, untilDocs } from "./support.js";

const NAME = "doc:33333333-3333-4333-8333-333333333333";

describe("errors of a channel", () => {
  test("G9: a document that does not exist is an error for good, until the next connection", async () => {
    const server = await startServer();
    let exists = false;
    server.refuseSubscribe = () =>
      exists ? null : { code: "NOT_FOUND", message: "no such document", retry: false };
    const provider = connect(server).open(NAME);
    await expect(provider.whenSynced).rejects.toMatchObject({ code: "NOT_FOUND", retry: false });
    expect(provider.error.value).toMatchObject({ code: "NOT_FOUND" });
    expect(provider.saved.value).toMatchObject({ state: "refused", refusal: { code: "NOT_FOUND" } });
    exists = true;
    server.drop();
    await until(provider.synced, (synced) => synced);
    await provider.whenSaved();
    expect(provider.error.value).toBeNull();
  });

  test("D7: a document that cannot be loaded is asked for again", async () => {
    const server = await startServer();
    let failures = 3;
    server.refuseSubscribe = () =>
      failures-- > 0 ? { code: "DOCUMENT_UNAVAILABLE", message: "try again", retry: true } : null;
    const provider = connect(server).open(NAME);
    await until(provider.error, (error) => error?.code === "DOCUMENT_UNAVAILABLE");
    expect(provider.saved.value.state).toBe("offline");
    await provider.whenSaved();
    expect(server.messagesOf("subscribe")).toHaveLength(4);
  });

  test("G10: unsubscribed by the server with retry opens anew and loses no edit", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    server.unsubscribeAll(NAME, { code: "REOPEN", message: "open anew", retry: true });
    type(provider, "x");
    await until(provider.synced, (synced) => !synced);
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("x");
  });

  test("G10: unsubscribed for good ends the document, and the socket goes on", async () => {
    const server = await startServer();
    const client = connect(server);
    const [gone, other] = [client.open(NAME), client.open("scratch:other")];
    await Promise.all([gone.whenSaved(), other.whenSaved()]);
    server.unsubscribeAll(NAME, { code: "ACCESS_ENDED", message: "you were removed", retry: false });
    await until(gone.error, (error) => error?.code === "ACCESS_ENDED");
    expect(gone.access.value).toBeNull();
    expect(gone.saved.value).toMatchObject({ state: "refused", refusal: { code: "ACCESS_ENDED" } });
    type(other, "still here");
    await other.whenSaved();
  });

  test("G6: frames with a number that is not ours any more are ignored", async () => {
    const server = await startServer();
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSaved();
    const document = server.document(NAME);
    const session = [...document.sessions][0];
    await provider.close();
    session?.send({ number: document.number, type: "update", body: new Uint8Array([0, 0]) });
    session?.send({ number: 999, type: "update", body: new Uint8Array([0, 0]) });
    await client.open("scratch:other").whenSynced;
  });
});

describe("open and close", () => {
  test("the same name is the same provider, detached with its last close", async () => {
    const server = await startServer();
    const client = connect(server);
    const [first, second] = [client.open(NAME), client.open(NAME)];
    expect(first).toBe(second);
    await first.whenSaved();
    void first.close();
    type(second, "x");
    await second.whenSaved();
    await second.close();
    await server.until(() => server.messagesOf("unsubscribe").length === 1);
    expect(server.document(NAME).sessions.size).toBe(0);
  });

  test("another Y.Doc for an open document is refused", async () => {
    const server = await startServer();
    const client = connect(server);
    client.open(NAME);
    expect(() => client.open(NAME, { doc: new Y.Doc() })).toThrow(/open with another/);
  });

  test("close detaches from the Y.Doc: no listener is left", async () => {
    const server = await startServer();
    const doc = new Y.Doc();
    const listeners = (): number => [...doc._observers.values()].reduce((sum, each) => sum + each.size, 0);
    const before = listeners();
    const provider = connect(server).open(NAME, { doc });
    await provider.whenSaved();
    const { awareness } = provider;
    await provider.close();
    // The Awareness registers one listener of its own at the document, and has no way to take it back.
    expect(listeners()).toBe(before + 1);
    expect(awareness.getLocalState()).toBeNull();
    type(provider, "after");
    expect(server.framesOf(NAME, "update")).toHaveLength(0);
  });

  test("a quick detach and attach of the same Y.Doc loses no edit", async () => {
    const server = await startServer();
    const client = connect(server);
    const doc = new Y.Doc();
    let provider = client.open(NAME, { doc });
    await provider.whenSynced;
    for (let round = 0; round < 5; round++) {
      type(provider, `${round}a`);
      void provider.close();
      doc.getText("text").insert(doc.getText("text").length, `${round}b`);
      provider = client.open(NAME, { doc });
      type(provider, `${round}c`);
    }
    await provider.whenSaved();
    const expected = [0, 1, 2, 3, 4].map((round) => `${round}a${round}b${round}c`).join("");
    expect(server.document(NAME).doc.getText("text").toString()).toBe(expected);
  });

  test("a quick close and open when everything is saved crosses on the wire without harm", async () => {
    const server = await startServer();
    const client = connect(server);
    const doc = new Y.Doc();
    const first = client.open(NAME, { doc });
    await first.whenSaved();
    void first.close();
    const second = client.open(NAME, { doc });
    expect(second).not.toBe(first);
    type(second, "x");
    void second.close();
    const third = client.open(NAME, { doc });
    type(third, "y");
    await third.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("xy");
    expect(server.document(NAME).sessions.size).toBe(1);
  });

  test("G6: what comes for a subscription that was left is not taken for the next one's", async () => {
    const server = await startServer();
    const client = connect(server);
    const first = client.open(NAME);
    await first.whenSaved();
    const document = server.document(NAME);
    const ghost = new Y.Doc();
    ghost.getText("text").insert(0, "ghost");
    void first.close();
    const second = client.open(NAME);
    for (const session of document.sessions) {
      session.send({ number: document.number, type: "update", body: Y.encodeStateAsUpdate(ghost) });
    }
    await second.whenSaved();
    expect(textOf(second)).toBe("");
  });

  test("a close before the subscribe is answered, and an open after it, end in one subscription", async () => {
    const server = await startServer();
    const client = connect(server);
    await until(client.status, (status) => status === "connected");
    const first = client.open(NAME);
    await first.close();
    const second = client.open(NAME);
    await second.whenSaved();
    expect(server.document(NAME).sessions.size).toBe(1);
    expect(server.messagesOf("subscribe")).toHaveLength(2);
  });

  test("close while offline waits for the edits to be saved, and open takes it back", async () => {
    const server = await startServer();
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSaved();
    server.drop();
    await until(client.status, (status) => status === "reconnecting");
    type(provider, "x");
    const closed = provider.close();
    expect(client.open(NAME)).toBe(provider);
    void provider.close();
    await closed;
    expect(server.document(NAME).doc.getText("text").toString()).toBe("x");
    await server.until(() => server.document(NAME).sessions.size === 0);
    expect(client.open(NAME)).not.toBe(provider);
  });

  test("a Y.Doc with content of unknown epoch is not merged", async () => {
    const server = await startServer();
    const client = connect(server);
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "from elsewhere");
    expect(() => client.open(NAME, { doc })).toThrow(/unknown epoch/);
    const provider = client.open(NAME, { doc, epoch: null });
    expect(provider.saved.value.unconfirmed).toBe(1);
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("from elsewhere");
  });

  test("a Y.Doc that is destroyed detaches its provider", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    provider.doc.destroy();
    await provider.close();
    await server.until(() => server.document(NAME).sessions.size === 0);
  });

  test("client.close() detaches every document at once", async () => {
    const server = await startServer();
    const client = connect(server);
    const [a, b] = [client.open(NAME), client.open("scratch:b")];
    await Promise.all([a.whenSaved(), b.whenSaved()]);
    type(a, "flushed");
    client.close();
    await Promise.all([a.close(), b.close()]);
    await server.until(() => server.connections === 0);
    expect(server.document(NAME).doc.getText("text").toString()).toBe("flushed");
  });
});

describe("G7: epochs in memory", () => {
  test("a replica of an older epoch is set aside, never merged, and an empty one takes its place", async () => {
    const server = await startServer();
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSynced;
    type(provider, "old");
    await provider.whenSaved();
    const before = provider.doc;
    server.changeEpoch(NAME, (doc) => doc.getText("text").insert(0, "restored"));
    const replica = await until(provider.replica, ({ doc }) => doc !== before);
    expect(provider.doc).toBe(replica.doc);
    expect(provider.awareness.doc).toBe(replica.doc);
    await provider.whenSaved();
    expect(textOf(provider)).toBe("restored");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("restored");
    expect(before.getText("text").toString()).toBe("old");
    expect(provider.stale.value).toMatchObject({ epoch: 1, unconfirmed: 0 });
    expect(provider.epoch).toBe(2);
    type(provider, "!");
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("restored!");
  });

  test("what was not saved in the old epoch can be exported, and discarded", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    server.document(NAME).replaceHistory();
    server.drop();
    await until(provider.synced, (synced) => !synced);
    type(provider, "mine");
    const stale = await until(provider.stale, (value) => value !== null);
    expect(stale?.unconfirmed).toBe(1);
    const copy = new Y.Doc();
    Y.applyUpdate(copy, stale?.export() ?? new Uint8Array());
    expect(copy.getText("text").toString()).toBe("mine");
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("");
    await stale?.discard();
    expect(provider.stale.value).toBeNull();
  });

  test("a Y.Doc that is attached again declares the epoch that it had", async () => {
    const server = await startServer();
    const client = connect(server);
    const doc = new Y.Doc();
    const first = client.open(NAME, { doc });
    await first.whenSynced;
    type(first, "old");
    await first.whenSaved();
    await first.close();
    server.document(NAME).replaceHistory();
    const second = client.open(NAME, { doc });
    await until(second.replica, (replica) => replica.doc !== doc);
    await second.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("");
    expect(server.messagesOf("subscribe").map(({ payload }) => payload.sync)).toMatchObject([
      { epoch: null },
      { epoch: 1 },
      { epoch: null },
    ]);
  });

  test("edits of the new replica are counted, those of the old document are not", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSynced;
    type(provider, "old");
    await provider.whenSaved();
    const before = provider.doc;
    server.changeEpoch(NAME);
    await until(provider.replica, ({ doc }) => doc !== before);
    before.getText("text").insert(0, "late ");
    type(provider, "new");
    await provider.whenSaved();
    await untilDocs([provider.doc], () => textOf(provider) === "new");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("new");
  });
});
