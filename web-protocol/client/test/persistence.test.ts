import "fake-indexeddb/auto";

import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import { deleteLocalCopies, type GlassBoxClient, type Provider, unsavedDocuments } from "../src/index.js";
import { committed, openDatabase, result } from "../src/indexeddb.js";
import type { FakeServer } from "./fake-server.js";
import { connect, startServer, textOf, type, until } from "./support.js";

const NAME = "node:66666666-6666-4666-8666-666666666666";

let prefixes = 0;

/** A prefix of its own for each test, as if on another machine. */
function newPrefix(): string {
  return `test-${++prefixes}`;
}

/** A page that opens the document with a local copy. */
function openPage(server: FakeServer, prefix: string): { client: GlassBoxClient; provider: Provider } {
  const client = connect(server);
  return { client, provider: client.open(NAME, { persistence: { prefix } }) };
}

/** Closes a page, and waits until its local copy is written. */
async function closePage({
  client,
  provider,
}: {
  client: GlassBoxClient;
  provider: Provider;
}): Promise<void> {
  client.close();
  await provider.close();
}

describe("local copies", () => {
  test("a document loads from its copy while the server cannot be reached", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    const first = openPage(server, prefix);
    await first.provider.whenSynced;
    type(first.provider, "kept");
    await first.provider.whenSaved();
    await closePage(first);
    server.ignoresSubscribes = true;
    const second = openPage(server, prefix);
    await second.provider.whenLoaded;
    expect(textOf(second.provider)).toBe("kept");
    expect(second.provider.synced.value).toBe(false);
    expect(second.provider.epoch).toBe(1);
    expect(second.provider.saved.value).toMatchObject({ state: "offline", unconfirmed: 0 });
  });

  test("edits and their number survive a reload, and are merged and saved on return", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    server.ignoresSubscribes = true;
    const first = openPage(server, prefix);
    await first.provider.whenLoaded;
    for (const letter of "abc") type(first.provider, letter);
    expect(first.provider.saved.value).toMatchObject({ state: "offline", unconfirmed: 3 });
    await closePage(first);
    expect(await unsavedDocuments(prefix)).toEqual([{ name: NAME, unconfirmed: 3 }]);

    server.ignoresSubscribes = false;
    server.document(NAME).doc.getText("text").insert(0, "remote ");
    const second = openPage(server, prefix);
    await until(second.provider.saved, ({ unconfirmed }) => unconfirmed === 3);
    await second.provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toContain("abc");
    expect(textOf(second.provider)).toContain("remote ");
    await closePage(second);
    expect(await unsavedDocuments(prefix)).toEqual([]);
  });

  test("edits made while the copy loads are kept and counted", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    server.ignoresSubscribes = true;
    const first = openPage(server, prefix);
    type(first.provider, "early");
    expect(first.provider.saved.value.unconfirmed).toBe(1);
    await closePage(first);
    const second = openPage(server, prefix);
    await second.provider.whenLoaded;
    expect(textOf(second.provider)).toBe("early");
    expect(second.provider.saved.value.unconfirmed).toBe(1);
  });

  test("a document that was made offline is merged when it is first attached", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    server.ignoresSubscribes = true;
    const first = openPage(server, prefix);
    await first.provider.whenLoaded;
    type(first.provider, "offline");
    await closePage(first);
    server.ignoresSubscribes = false;
    server.changeEpoch(NAME); // whatever the epoch: the content is of none yet
    const second = openPage(server, prefix);
    await second.provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("offline");
    expect(second.provider.stale.value).toBeNull();
  });

  test("prefixes keep copies apart", async () => {
    const server = await startServer();
    server.ignoresSubscribes = true;
    const [mine, yours] = [openPage(server, newPrefix()), openPage(server, newPrefix())];
    type(mine.provider, "secret");
    await closePage(mine);
    await yours.provider.whenLoaded;
    expect(textOf(yours.provider)).toBe("");
  });

  test("deleteLocalCopies leaves nothing", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    const page = openPage(server, prefix);
    await page.provider.whenSynced;
    type(page.provider, "x");
    await page.provider.whenSaved();
    await closePage(page);
    await deleteLocalCopies(prefix);
    expect(await unsavedDocuments(prefix)).toEqual([]);
    expect(await contentDatabases(prefix)).toEqual([]);
    server.ignoresSubscribes = true;
    const again = openPage(server, prefix);
    await again.provider.whenLoaded;
    expect(textOf(again.provider)).toBe("");
    expect(again.provider.epoch).toBeNull();
  });

  test("two pages with the same copy: the edits of one are saved by the other", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    server.ignoresSubscribes = true;
    const first = openPage(server, prefix);
    await first.provider.whenLoaded;
    type(first.provider, "of the first");
    await closePage(first);
    const offline = openPage(server, prefix);
    await offline.provider.whenLoaded;
    server.ignoresSubscribes = false;
    const online = openPage(server, prefix);
    await until(online.provider.synced, (synced) => synced);
    await until(online.provider.saved, ({ state }) => state === "saved");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("of the first");
    await closePage(online);
    expect(await unsavedDocuments(prefix)).toEqual([]);
  });

  test("without IndexedDB the document works, and says that it has no copy", async () => {
    const server = await startServer();
    const original = indexedDB.open;
    indexedDB.open = () => {
      throw new Error("not in private windows");
    };
    const page = openPage(server, newPrefix());
    await page.provider.whenLoaded;
    indexedDB.open = original;
    expect(page.provider.error.value).toMatchObject({ code: "LOCAL_COPY_FAILED", retry: false });
    await page.provider.whenSynced;
    type(page.provider, "x");
    await page.provider.whenSaved();
    expect(page.provider.error.value).toMatchObject({ code: "LOCAL_COPY_FAILED" });
  });
});

describe("G7: epochs of local copies", () => {
  async function withOldCopy(server: FakeServer, prefix: string): Promise<void> {
    const page = openPage(server, prefix);
    await page.provider.whenSynced;
    type(page.provider, "old");
    await page.provider.whenSaved();
    server.ignoresSubscribes = true;
    server.drop();
    await until(page.provider.synced, (synced) => !synced);
    type(page.provider, " and mine");
    await closePage(page);
    server.document(NAME).replaceHistory((doc) => doc.getText("text").insert(0, "restored"));
    server.ignoresSubscribes = false;
  }

  test("a copy of an older epoch is set aside on disk, and never merged", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    await withOldCopy(server, prefix);
    const second = openPage(server, prefix);
    await second.provider.whenLoaded;
    expect(textOf(second.provider)).toBe("old and mine");
    await until(second.provider.synced, (synced) => synced);
    await second.provider.whenSaved();
    expect(textOf(second.provider)).toBe("restored");
    expect(server.document(NAME).doc.getText("text").toString()).toBe("restored");
    expect(await unsavedDocuments(prefix)).toEqual([]);
    await closePage(second);

    const third = openPage(server, prefix);
    await third.provider.whenLoaded;
    expect(third.provider.epoch).toBe(2);
    expect(textOf(third.provider)).toBe("restored");
    const stale = third.provider.stale.value;
    expect(stale).toMatchObject({ epoch: 1, unconfirmed: 1 });
    const copy = new Y.Doc();
    Y.applyUpdate(copy, stale?.export() ?? new Uint8Array());
    expect(copy.getText("text").toString()).toBe("old and mine");
    await stale?.discard();
    expect(third.provider.stale.value).toBeNull();
    await closePage(third);

    const fourth = openPage(server, prefix);
    await fourth.provider.whenLoaded;
    expect(fourth.provider.stale.value).toBeNull();
  });

  test("a copy that was set aside leaves no database behind when it is discarded", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    await withOldCopy(server, prefix);
    const [old] = await contentDatabases(prefix);
    const page = openPage(server, prefix);
    await until(page.provider.synced, (synced) => synced);
    await until(page.provider.saved, ({ state }) => state === "saved");
    const stale = await until(page.provider.stale, (stale) => stale !== null);
    await stale?.discard();
    const [present, ...more] = await contentDatabases(prefix);
    expect([present, more]).toEqual([expect.not.stringContaining(old ?? ""), []]);
    type(page.provider, " and edited");
    await page.provider.whenSaved();
    expect(page.provider.error.value).toBeNull();

    server.changeEpoch(NAME);
    await until(page.provider.stale, (stale) => stale !== null);
    await closePage(page);
    await deleteLocalCopies(prefix);
    expect(await contentDatabases(prefix)).toEqual([]);
  });

  test("a page whose copy another one deletes goes on without it, and says so", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    const page = openPage(server, prefix);
    await page.provider.whenSaved();
    await deleteLocalCopies(prefix);
    await until(page.provider.error, (error) => error?.code === "LOCAL_COPY_FAILED");
    type(page.provider, "still works");
    await page.provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("still works");
  });

  test("of two pages that set the same copy aside, the later goes on with the copy of the earlier", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    await withOldCopy(server, prefix);
    server.ignoresSubscribes = true;
    const [a, b] = [openPage(server, prefix), openPage(server, prefix)];
    const asked = server.messagesOf("subscribe").length;
    await server.until(() => server.messagesOf("subscribe").length === asked + 2);
    server.ignoresSubscribes = false;
    for (const { client, provider } of [a, b]) {
      client.reconnect();
      await until(provider.synced, (synced) => synced);
      await until(provider.saved, ({ state }) => state === "saved");
      expect(textOf(provider)).toBe("restored");
    }
    await closePage(b);
    server.ignoresSubscribes = true;
    a.client.reconnect();
    type(a.provider, " and edited");
    await closePage(a);
    const later = openPage(server, prefix);
    await later.provider.whenLoaded;
    expect(textOf(later.provider)).toBe("restored and edited");
    expect(later.provider.epoch).toBe(2);
    expect(later.provider.saved.value.unconfirmed).toBe(1);
  });

  test("content of the server is merged, and ours sent, only when the epoch is on disk", async () => {
    const server = await startServer();
    server.document(NAME).doc.getText("text").insert(0, "of epoch 1");
    const prefix = newPrefix();
    server.ignoresSubscribes = true;
    const page = openPage(server, prefix);
    await page.provider.whenLoaded;
    const release = await blockRecords(prefix);
    server.ignoresSubscribes = false;
    page.client.reconnect();
    await server.until(() => server.framesOf(NAME, "step1").length === 1);
    server.sendAll("lagging", { channel: NAME }); // comes after the server's step 1 and step 2
    await until(page.provider.lagging, (lagging) => lagging);
    expect(textOf(page.provider)).toBe("");
    expect(server.framesOf(NAME, "step2")).toHaveLength(0);
    release();
    await page.provider.whenSaved();
    expect(textOf(page.provider)).toBe("of epoch 1");
    expect((await readRecord(prefix))?.epoch).toBe(1);
  });

  test("content whose epoch is not on record is never opened", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    await withOldCopy(server, prefix);
    const database = await openDatabase(prefix, () => {});
    const transaction = database.transaction("replicas", "readwrite");
    transaction.objectStore("replicas").delete(NAME);
    await committed(transaction);
    database.close();
    const page = openPage(server, prefix);
    await page.provider.whenLoaded;
    expect(textOf(page.provider)).toBe("");
    await until(page.provider.synced, (synced) => synced);
    expect(textOf(page.provider)).toBe("restored");
  });

  test("a Y.Doc of another epoch than the copy goes on without it", async () => {
    const server = await startServer();
    const prefix = newPrefix();
    await withOldCopy(server, prefix);
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "of epoch 2");
    const provider = connect(server).open(NAME, { doc, epoch: 2, persistence: { prefix } });
    await provider.whenLoaded;
    expect(provider.error.value?.code).toBe("LOCAL_COPY_FAILED");
    expect(textOf(provider)).toBe("of epoch 2");
  });
});

/** The databases in which documents are kept. */
async function contentDatabases(prefix: string): Promise<(string | undefined)[]> {
  const names = (await indexedDB.databases()).map(({ name }) => name);
  return names.filter((name) => name?.startsWith(`${prefix}/`));
}

async function readRecord(prefix: string): Promise<{ epoch: number | null } | undefined> {
  const database = await openDatabase(prefix, () => {});
  try {
    return await result(database.transaction("replicas").objectStore("replicas").get(NAME));
  } finally {
    database.close();
  }
}

/** Keeps a transaction open that everything else about the records has to wait for. @returns its end */
async function blockRecords(prefix: string): Promise<() => void> {
  const database = await openDatabase(prefix, () => {});
  const records = database.transaction("replicas", "readwrite").objectStore("replicas");
  let isBlocked = true;
  const goOn = (): void => {
    if (isBlocked) records.get(NAME).onsuccess = goOn;
    else database.close();
  };
  await result(records.get(NAME));
  goOn();
  return () => {
    isBlocked = false;
  };
}
