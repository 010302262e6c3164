import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { isSynced, openSdk, openStock, PATIENCE_MS, seededRandom, until, updatesOf } from "./clients";
import { Line } from "./line";
import { createDocument, createProject, type Person, signIn } from "./rest";
import { Server, within } from "./server";

const ROUNDS = 8;
const SEED = 9;
/** Edits that a writer makes between two looks at the network, at most. */
const BURST = 20;
/** A writer of whom so many edits are on the way waits. */
const UNCONFIRMED = 100;
/** Milliseconds of writing before the kill, at most. */
const ROUND_MS = 500;

let server: Server;
let ada: Person;
let document: string;

beforeAll(async () => {
  server = await Server.start();
  ada = await signIn(server, "Ada");
  document = await createDocument(server, await createProject(server, ada), ada);
});

afterAll(() => server.remove());

it(`loses nothing that it confirmed, in ${ROUNDS} rounds of kill -9 (D2, G13)`, async () => {
  const random = seededRandom(SEED);
  const writers = [
    new OwnWriter("own-1"),
    new OwnWriter("own-2"),
    new StockWriter("stock-1"),
    new StockWriter("stock-2"),
  ];
  let promises = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(writers.map((writer) => writer.settled()));
    const before = writers.map((writer) => writer.confirmed());
    await writeUntilKilled(writers, random);
    const promised = writers.map((writer) => writer.confirmed());
    promises += promised.reduce((sum, count, index) => sum + count - (before[index] ?? 0), 0);

    await server.start();
    // Nobody has come back yet: what a replica brings again would prove nothing about the disk.
    const viaYjs = openStock(server, document, ada.token);
    const viaWs = openSdk(server, document, ada.token);
    await Promise.all([isSynced(viaYjs), within(PATIENCE_MS, "the new client to sync", viaWs.whenSynced)]);
    for (const [index, writer] of writers.entries()) {
      expectSequence(viaYjs.doc, writer, promised[index] ?? 0);
      expectSequence(viaWs.doc, writer, promised[index] ?? 0);
    }

    for (const writer of writers) writer.line.mend();
    const hasAll = () => writers.every(({ name, made }) => viaYjs.doc.getArray(name).length === made);
    await until("what was not confirmed to come from its writers", hasAll, [updatesOf(viaYjs.doc)]);
    for (const writer of writers) expectSequence(viaYjs.doc, writer, writer.made);
    viaYjs.provider.destroy();
    viaWs.client.close();
  }
  expect(promises, "there was something to lose").toBeGreaterThan(ROUNDS * BURST);
});

/** Writes until the server is killed, at a moment that nobody chose. */
async function writeUntilKilled(writers: readonly Writer[], random: () => number): Promise<void> {
  let isOver = false;
  const killed = new Promise<void>((resolve, reject) => {
    setTimeout(() => {
      server.kill().then(resolve, reject);
      isOver = true;
    }, random() * ROUND_MS);
  });
  while (!isOver) {
    const isWaiting = writers.some((writer) => writer.onTheWay() > UNCONFIRMED);
    if (!isWaiting) for (const writer of writers) writer.write(1 + Math.floor(random() * BURST));
    await new Promise(setImmediate);
  }
  for (const writer of writers) writer.line.cut();
  await killed;
}

/** Checks that a writer's edits are there from the first on, once each and in order, and how many at least. */
function expectSequence(doc: Y.Doc, writer: Writer, atLeast: number): void {
  const found = doc.getArray(writer.name).toArray();
  expect(found.length, `edits of ${writer.name}`).toBeGreaterThanOrEqual(atLeast);
  expect(found, `edits of ${writer.name}`).toEqual(found.map((_, index) => index));
}

/** Somebody who counts, in an array of the document. */
abstract class Writer {
  made = 0;
  readonly name: string;
  readonly line = new Line();
  protected readonly doc = new Y.Doc();

  constructor(name: string) {
    this.name = name;
  }

  write(count: number): void {
    for (let edit = 0; edit < count; edit += 1) {
      this.doc.getArray(this.name).push([this.made]);
      this.made += 1;
    }
  }

  /** How many of its edits the server has promised to keep. */
  abstract confirmed(): number;
  /** How many of its edits are known to be without an answer. */
  abstract onTheWay(): number;
  /** Resolves when it is in sync, and what can be confirmed is. */
  abstract settled(): Promise<void>;
}

class OwnWriter extends Writer {
  readonly #provider = openSdk(server, document, ada.token, {
    doc: this.doc,
    WebSocket: this.line.WebSocket,
  });

  confirmed(): number {
    return this.made - this.onTheWay();
  }

  onTheWay(): number {
    return this.#provider.saved.value.unconfirmed;
  }

  settled(): Promise<void> {
    return within(PATIENCE_MS, "the writer's edits to be saved", this.#provider.whenSaved());
  }
}

/** Writes through `/yjs`, whose protocol has no receipts. */
class StockWriter extends Writer {
  readonly #stock = openStock(server, document, ada.token, {
    doc: this.doc,
    WebSocketPolyfill: this.line.WebSocket as unknown as typeof globalThis.WebSocket,
  });

  confirmed(): number {
    return 0;
  }

  onTheWay(): number {
    return 0;
  }

  settled(): Promise<void> {
    return isSynced(this.#stock);
  }
}
