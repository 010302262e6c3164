import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import { connect, startServer, type, until } from "./support.js";

const NAME = "node:44444444-4444-4444-8444-444444444444";

describe("refusals", () => {
  test("G15: an edit that is refused for good stays here, says why, and is offered again with the next edit", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const cause = { code: "UNSUPPORTED_CONTENT", message: "this cannot be kept", retry: false };
    server.refuse = () => cause;
    type(provider, "bad");
    const saved = await until(provider.saved, ({ state }) => state === "refused");
    expect(saved).toEqual({ state: "refused", unconfirmed: 1, refusal: cause });
    await expect(provider.whenSaved()).rejects.toMatchObject(cause);
    server.refuse = () => null;
    type(provider, " mended");
    await until(provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("bad mended");
    expect(server.framesOf(NAME, "update")).toHaveLength(1); // what builds upon a refused edit is sent with it
  });

  test("G15, D8: an edit that is refused for now is offered again after a delay, by itself", async () => {
    const server = await startServer();
    const provider = connect(server, "ada", { random: () => 0.01 }).open(NAME);
    await provider.whenSaved();
    let refusals = 2;
    server.refuse = () => (refusals-- > 0 ? { code: "SAVING_BEHIND", message: "later", retry: true } : null);
    type(provider, "x");
    await until(provider.saved, ({ state }) => state === "behind");
    expect(provider.saved.value.refusal?.code).toBe("SAVING_BEHIND");
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("x");
    expect(server.framesOf(NAME, "step2")).toHaveLength(3);
  });

  test("G18: what was refused for now is offered at once when saving resumes", async () => {
    const server = await startServer();
    const provider = connect(server, "ada", { random: () => 0.999 }).open(NAME);
    await provider.whenSaved();
    server.refuse = () => ({ code: "SAVING_BEHIND", message: "later", retry: true });
    type(provider, "x");
    await until(provider.saved, ({ refusal }) => refusal !== null);
    server.refuse = () => null;
    const start = performance.now();
    server.setBehind(NAME, false);
    await provider.whenSaved();
    expect(performance.now() - start).toBeLessThan(900);
  });

  test("G15: what was refused for now does not grow with what the server took since its step 1", async () => {
    const server = await startServer();
    server.limits = { frameBytes: 2000, updateBytes: 1000, channels: 1 };
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    for (const letter of ["a", "b"]) {
      type(provider, letter.repeat(450));
      await provider.whenSaved();
    }
    let refusals = 2;
    server.refuse = () => (refusals-- > 0 ? { code: "SAVING_BEHIND", message: "later", retry: true } : null);
    const states = new Set<string>();
    provider.saved.subscribe(({ state }) => states.add(state));
    type(provider, "c".repeat(450));
    await until(provider.saved, ({ refusal }) => refusal !== null);
    await provider.whenSaved();
    expect(states).not.toContain("refused");
    expect(server.document(NAME).doc.getText("text").length).toBe(1350);
    // Attached anew, it is in sync as before.
    type(provider, "d");
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").length).toBe(1351);
    expect(provider.synced.value).toBe(true);
  });

  test("an edit that waits while another is refused is not forgotten", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    server.refuse = () => ({ code: "MALFORMED_UPDATE", message: "no", retry: false });
    type(provider, "a");
    const stop = provider.saved.subscribe(({ state }) => {
      if (state !== "refused") return;
      stop();
      server.refuse = () => null;
      type(provider, "b"); // before the provider has dealt with the refusal
    });
    await until(provider.saved, ({ unconfirmed }) => unconfirmed === 2);
    await until(provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("ab");
  });

  test("an item beyond the server's limit is not sent, for it would cost the socket (1009), and is named", async () => {
    const server = await startServer();
    server.limits = { frameBytes: 2000, updateBytes: 1000, channels: 1 };
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSaved();
    const list = provider.doc.getArray<Y.Map<unknown>>("inputs");
    list.push([new Y.Map<unknown>([["data", "x".repeat(1500)]])]);
    await until(provider.saved, ({ state }) => state === "refused");
    const { unconfirmed, refusal } = provider.saved.value;
    expect([unconfirmed, refusal?.code]).toEqual([1, "UPDATE_TOO_LARGE"]);
    expect(refusal?.message).toContain("“inputs.data” holds has 0.00152 MB, and the server takes 0.001 MB");
    expect(client.status.value).toBe("connected");
    list.delete(0, 1); // the user takes it back
    await until(provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getArray("inputs").length).toBe(0);
  });

  test("transactions that are too large together are sent one by one", async () => {
    const server = await startServer();
    server.limits = { frameBytes: 2000, updateBytes: 1000, channels: 1 };
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    for (const letter of "abc") type(provider, letter.repeat(600));
    await provider.whenSaved();
    expect(server.framesOf(NAME, "update")).toHaveLength(3);
    expect(server.document(NAME).doc.getText("text").length).toBe(1800);
  });
});

describe("other states", () => {
  test("G18: while the log cannot be written, edits are behind; receipts that come late save them", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    server.setBehind(NAME, true);
    type(provider, "x");
    await until(provider.saved, ({ state }) => state === "behind");
    expect(provider.saved.value.unconfirmed).toBe(1);
    server.setBehind(NAME, false);
    await provider.whenSaved();
  });

  test("read access: read-only, and edits made here are kept and not sent", async () => {
    const server = await startServer();
    server.document(NAME).access = "read";
    const provider = connect(server).open(NAME);
    await until(provider.saved, ({ state }) => state === "read-only");
    expect(provider.access.value).toBe("read");
    type(provider, "x");
    expect(provider.saved.value).toMatchObject({ state: "read-only", unconfirmed: 1 });
    await server.until(() => server.framesOf(NAME, "step2").length === 1);
    expect(server.framesOf(NAME, "update")).toHaveLength(0);
    server.document(NAME).access = "write";
    server.unsubscribeAll(NAME, { code: "ACCESS_CHANGED", message: "you may write", retry: true });
    await until(provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("x");
  });

  test("G32: another role is felt at once, and what was written meanwhile is sent when one may write", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const changeTo = (access: "write" | "read"): void => {
      server.document(NAME).access = access;
      server.sendAll("access_changed", { channel: NAME, access });
    };
    changeTo("read");
    await until(provider.saved, ({ state }) => state === "read-only");
    type(provider, "x");
    changeTo("write");
    await until(provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("x");
  });

  test("a socket that is lost before the receipt: the answer on the next one covers the edit", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSaved();
    const document = server.document(NAME);
    document.isBehind = true;
    type(provider, "x");
    await server.until(() => document.doc.getText("text").length === 1);
    document.isBehind = false;
    server.drop();
    await until(provider.saved, ({ state }) => state === "offline");
    expect(provider.saved.value.unconfirmed).toBe(1);
    await provider.whenSaved();
    expect(server.framesOf(NAME, "update")).toHaveLength(1);
  });
});
