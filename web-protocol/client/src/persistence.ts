/**
 * Local copies of documents in IndexedDB.
 *
 * The content of each is in a database of y-indexeddb's. What that does not know is in a small one of ours: the epoch
 * of the content, how many edits no receipt covers, and replicas of older epochs that were set aside. A content
 * database belongs to one lineage and has a random name, which our record of the document points to; so that content
 * whose epoch is not on record is never opened, and setting a replica aside is one transaction that points elsewhere.
 */

import type { IndexeddbPersistence } from "y-indexeddb";
import type * as Y from "yjs";

import { committed, openDatabase, result } from "./indexeddb.js";

/** The default of `persistence.prefix`. */
export const DEFAULT_PREFIX = "glassbox";

/** How long a local copy may take to load before the document goes on without it. */
const LOAD_TIMEOUT_MS = 10_000;

interface ReplicaRecord {
  name: string;
  /** `null`: never attached, so that all content was made here. */
  epoch: number | null;
  /** Database of the content. */
  content: string;
}

interface UnsavedRecord {
  name: string;
  /** Which page counts; several may have the document open. */
  writer: string;
  edits: number;
}

/** A replica that was set aside. */
export interface StaleRecord {
  name: string;
  epoch: number | null;
  edits: number;
  update: Uint8Array;
}

/** As it is kept: with the database that its content was in, which goes with it. */
interface KeptStaleRecord extends StaleRecord {
  content: string;
}

/** A {@link StaleRecord} and its key, to delete it by. */
export interface KeyedStaleRecord extends StaleRecord {
  key: IDBValidKey;
}

/** The records of all local copies under one prefix. */
export class LocalStore {
  private constructor(
    readonly prefix: string,
    readonly random: () => number,
    readonly database: IDBDatabase,
  ) {}

  static async open(prefix: string, random: () => number): Promise<LocalStore> {
    const database = await openDatabase(prefix, (fresh) => {
      fresh.createObjectStore("replicas", { keyPath: "name" });
      fresh.createObjectStore("unsaved", { keyPath: ["name", "writer"] });
      fresh.createObjectStore("stale", { autoIncrement: true }).createIndex("name", "name");
    });
    return new LocalStore(prefix, random, database);
  }

  /** A name that no other content database and no other page has. */
  newId(): string {
    return [this.random(), this.random()].map((each) => Math.floor(each * 2 ** 48).toString(36)).join("");
  }

  contentName(name: string): string {
    return `${this.prefix}/${name}/${this.newId()}`;
  }

  close(): void {
    this.database.close();
  }
}

/** The local copy of one document, bound to one Y.Doc. */
export class LocalCopy {
  #content: IndexeddbPersistence | null = null;
  #loading: Promise<void> = Promise.resolve();
  #wantedEdits: number | null = null;
  #writing: Promise<void> | null = null;

  private constructor(
    readonly store: LocalStore,
    readonly name: string,
    readonly writer: string,
    readonly record: ReplicaRecord,
    /** Edits of earlier lives that no receipt covers. */
    readonly unsavedEdits: number,
    /** Replicas set aside earlier, the oldest first. */
    readonly stale: readonly KeyedStaleRecord[],
    /** Told when the count of unsaved edits cannot be written. */
    readonly failed: (error: unknown) => void,
  ) {}

  /**
   * Finds or makes the record of a document; its content is loaded by {@link load}.
   * @param epoch of the content that the Y.Doc has already; must agree with the record's
   */
  static async open(
    store: LocalStore,
    name: string,
    epoch: number | null,
    failed: (error: unknown) => void,
  ): Promise<LocalCopy> {
    const writer = store.newId();
    const transaction = store.database.transaction(["replicas", "unsaved", "stale"], "readwrite");
    const replicas = transaction.objectStore("replicas");
    const found = await result<ReplicaRecord | undefined>(replicas.get(name));
    const record = found ?? { name, epoch, content: store.contentName(name) };
    if (epoch !== null && record.epoch !== null && record.epoch !== epoch) {
      transaction.abort();
      throw new Error(`the local copy is of epoch ${record.epoch}, the document of epoch ${epoch}`);
    }
    record.epoch ??= epoch;
    replicas.put(record);
    const edits = await takeOver(transaction.objectStore("unsaved"), name, writer);
    const stale = await readStale(transaction.objectStore("stale"), name);
    await committed(transaction);
    return new LocalCopy(store, name, writer, record, edits, stale, failed);
  }

  /** Epoch of the content; `null`: never attached. */
  get epoch(): number | null {
    return this.record.epoch;
  }

  /** Merges the content into `doc`, and from now on keeps what changes there. */
  load(doc: Y.Doc): Promise<void> {
    this.#loading = this.#load(doc);
    return this.#loading;
  }

  async #load(doc: Y.Doc): Promise<void> {
    const { IndexeddbPersistence } = await import("y-indexeddb");
    const content = new IndexeddbPersistence(this.record.content, doc);
    this.#content = content;
    let timeout: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timeout = setTimeout(() => reject(new Error("loading takes too long")), LOAD_TIMEOUT_MS);
    });
    try {
      await Promise.race([content.whenSynced, tooLate]);
    } catch (error) {
      content.destroy().catch(() => {}); // it may never have opened
      throw error;
    } finally {
      clearTimeout(timeout);
    }
    if (content.db) content.db.onversionchange = this.#deletedElsewhere;
  }

  /** Another page deletes the content. It waits until this one lets go, which would otherwise fail at its next edit. */
  readonly #deletedElsewhere = (): void => {
    this.failed(new Error("another page has deleted it"));
  };

  /** Whether a transaction with this origin is the loading of the content. */
  isOrigin(origin: unknown): boolean {
    return origin !== null && origin === this.#content;
  }

  /** Records the epoch of the content; resolves when it is on disk. Content of the server may be merged only then. */
  async setEpoch(epoch: number): Promise<void> {
    const transaction = this.store.database.transaction("replicas", "readwrite");
    const replicas = transaction.objectStore("replicas");
    const record = await result<ReplicaRecord | undefined>(replicas.get(this.name));
    const isOurs =
      record?.content === this.record.content && (record.epoch === null || record.epoch === epoch);
    if (!isOurs) {
      transaction.abort();
      throw new Error("another page has put the local copy into another epoch");
    }
    replicas.put({ ...record, epoch });
    await committed(transaction);
    this.record.epoch = epoch;
  }

  /** Records how many edits no receipt covers. Calls that come while one is written are taken together. */
  setUnsavedEdits(edits: number): void {
    this.#wantedEdits = edits;
    this.#writing ??= this.#writeEdits()
      .catch(this.failed)
      .finally(() => {
        this.#writing = null;
      });
  }

  /**
   * Points the record to empty content, and keeps the old content as a stale record, if there is any.
   * @returns the key of the stale record
   */
  async setAside(stale: StaleRecord | null): Promise<IDBValidKey | null> {
    await this.#writing;
    const transaction = this.store.database.transaction(["replicas", "unsaved", "stale"], "readwrite");
    const replicas = transaction.objectStore("replicas");
    const record = await result<ReplicaRecord | undefined>(replicas.get(this.name));
    if (record?.content === this.record.content) {
      replicas.put({ name: this.name, epoch: null, content: this.store.contentName(this.name) });
    }
    transaction.objectStore("unsaved").delete([this.name, this.writer]);
    const { content } = this.record;
    const kept = stale && ({ ...stale, content } satisfies KeptStaleRecord);
    const key = kept && (await result(transaction.objectStore("stale").add(kept)));
    await committed(transaction);
    await this.#content?.destroy();
    // Kept until it is discarded: another page may have it open, which will set its own replica aside.
    if (kept) await clearContent(content);
    else await result(indexedDB.deleteDatabase(content));
    return key;
  }

  /** Deletes a replica that was set aside, and the database of its content. */
  async discardStale(key: IDBValidKey): Promise<void> {
    const stale = this.store.database.transaction("stale").objectStore("stale");
    const record = await result<KeptStaleRecord | undefined>(stale.get(key));
    if (record) await result(indexedDB.deleteDatabase(record.content));
    const transaction = this.store.database.transaction("stale", "readwrite");
    transaction.objectStore("stale").delete(key);
    await committed(transaction);
  }

  /** Lets go of the Y.Doc, after what it holds is written. */
  async close(): Promise<void> {
    await this.#loading.catch(() => {}); // whoever loads was told
    await this.#writing;
    await this.#content?.destroy().catch(() => {}); // it may never have opened
  }

  async #writeEdits(): Promise<void> {
    while (this.#wantedEdits !== null) {
      const edits = this.#wantedEdits;
      this.#wantedEdits = null;
      const transaction = this.store.database.transaction("unsaved", "readwrite");
      const unsaved = transaction.objectStore("unsaved");
      if (edits === 0) unsaved.delete([this.name, this.writer]);
      else unsaved.put({ name: this.name, writer: this.writer, edits } satisfies UnsavedRecord);
      await committed(transaction);
    }
  }
}

/** Documents whose local copy holds edits that no receipt covers: open them to have them saved. */
export async function unsavedDocuments(
  prefix = DEFAULT_PREFIX,
): Promise<{ name: string; unconfirmed: number }[]> {
  const store = await LocalStore.open(prefix, Math.random);
  try {
    const unsaved = store.database.transaction("unsaved").objectStore("unsaved");
    const sums = new Map<string, number>();
    for (const record of await result<UnsavedRecord[]>(unsaved.getAll())) {
      sums.set(record.name, (sums.get(record.name) ?? 0) + record.edits);
    }
    return [...sums].map(([name, unconfirmed]) => ({ name, unconfirmed }));
  } finally {
    store.close();
  }
}

/** Deletes every local copy under a prefix, for instance when a user signs out: after `await client.close()`. */
export async function deleteLocalCopies(prefix = DEFAULT_PREFIX): Promise<void> {
  const store = await LocalStore.open(prefix, Math.random);
  try {
    const reading = store.database.transaction(["replicas", "stale"]);
    const replicas = result<ReplicaRecord[]>(reading.objectStore("replicas").getAll());
    const stale = result<KeptStaleRecord[]>(reading.objectStore("stale").getAll());
    for (const { content } of [...(await replicas), ...(await stale)])
      await result(indexedDB.deleteDatabase(content));
    const transaction = store.database.transaction(["replicas", "unsaved", "stale"], "readwrite");
    for (const name of ["replicas", "unsaved", "stale"]) transaction.objectStore(name).clear();
    await committed(transaction);
  } finally {
    store.close();
  }
}

/** Makes the counts of earlier pages this page's: their edits are in the content that it loads. */
async function takeOver(unsaved: IDBObjectStore, name: string, writer: string): Promise<number> {
  const ofDocument = IDBKeyRange.bound([name], [name, []]);
  const records = await result<UnsavedRecord[]>(unsaved.getAll(ofDocument));
  const edits = records.reduce((sum, record) => sum + record.edits, 0);
  unsaved.delete(ofDocument);
  if (edits > 0) unsaved.put({ name, writer, edits } satisfies UnsavedRecord);
  return edits;
}

async function readStale(stale: IDBObjectStore, name: string): Promise<KeyedStaleRecord[]> {
  const index = stale.index("name");
  const keys = await result(index.getAllKeys(name));
  const records = await result<StaleRecord[]>(index.getAll(name));
  return records.flatMap((record, i) => {
    const key = keys[i];
    return key === undefined ? [] : [{ ...record, key }];
  });
}

/** Empties the content and leaves its database to whoever has it open. */
async function clearContent(name: string): Promise<void> {
  const database = await openDatabase(name, () => {});
  try {
    if (!database.objectStoreNames.contains("updates")) return;
    const transaction = database.transaction("updates", "readwrite");
    transaction.objectStore("updates").clear();
    await committed(transaction);
  } finally {
    database.close();
  }
}
