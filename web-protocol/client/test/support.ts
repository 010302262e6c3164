import { afterEach } from "vitest";
import { WebSocket } from "ws";
import type * as Y from "yjs";

import { type ClientOptions, GlassBoxClient, type Observable, type Provider } from "../src/index.js";
import { FakeServer } from "./fake-server.js";

const endings: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Runs after the test, the last first. */
export function afterTest(end: () => void | Promise<void>): void {
  endings.push(end);
}

export async function startServer(): Promise<FakeServer> {
  const server = await FakeServer.start();
  afterTest(() => server.stop());
  return server;
}

/** A client that comes back within milliseconds, for a user that is named by its token. */
export function connect(
  server: FakeServer,
  token = "ada",
  options: Partial<ClientOptions> = {},
): GlassBoxClient {
  const client = new GlassBoxClient({
    url: server.url,
    token: () => token,
    WebSocket,
    backoff: { minMs: 1, maxMs: 5 },
    ...options,
  });
  afterTest(() => client.close());
  return client;
}

/** Resolves with the first value that satisfies the condition, the present one included. */
export function until<T>(observable: Observable<T>, condition: (value: T) => boolean): Promise<T> {
  if (condition(observable.value)) return Promise.resolve(observable.value);
  return new Promise((resolve) => {
    const stop = observable.subscribe((value) => {
      if (!condition(value)) return;
      stop();
      resolve(value);
    });
  });
}

/** Resolves when the condition holds; it is checked at every update of the documents. */
export function untilDocs(docs: readonly Y.Doc[], condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve) => {
    const check = (): void => {
      if (!condition()) return;
      for (const doc of docs) doc.off("update", check);
      resolve();
    };
    for (const doc of docs) doc.on("update", check);
  });
}

export function textOf(provider: Provider): string {
  return provider.doc.getText("text").toString();
}

export function type(provider: Provider, text: string): void {
  const shared = provider.doc.getText("text");
  shared.insert(shared.length, text);
}

/** Random numbers in [0, 1) that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
