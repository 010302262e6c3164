import { type ClientOptions, GlassBoxClient, type Observable, type Provider } from "@glassbox/client";
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import type { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { type Endpoint, within } from "./server";

/** How long anything may take that should take milliseconds. */
export const PATIENCE_MS = 15_000;

/** Clients of tests come back soon. */
const MAX_BACKOFF_MS = 50;

const endings: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Runs after the test, the last first. */
export function afterTest(end: () => void | Promise<void>): void {
  endings.push(end);
}

/** y-websocket's provider, unchanged; only its WebSocket is that of the package `ws`. */
export interface Stock {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
}

export type StockOptions = Omit<NonNullable<ConstructorParameters<typeof WebsocketProvider>[3]>, "awareness">;

/** Opens a document as any Yjs app does, through `/yjs`. */
export function openStock(
  server: Endpoint,
  name: string,
  token?: string,
  { doc = new Y.Doc(), ...options }: StockOptions & { doc?: Y.Doc } = {},
): Stock {
  const provider = new WebsocketProvider(server.yjsUrl, name, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    // Clients of one process must not reach each other but through the server.
    disableBc: true,
    maxBackoffTime: MAX_BACKOFF_MS,
    ...(token === undefined ? {} : { params: { token } }),
    ...options,
  });
  afterTest(() => {
    provider.destroy();
    doc.destroy();
  });
  return { doc, provider };
}

/** Opens a document through `/ws` with the project's own client. */
export function openSdk(
  server: Endpoint,
  name: string,
  token: string | (() => string | Promise<string>),
  { doc = new Y.Doc(), ...options }: Partial<ClientOptions> & { doc?: Y.Doc } = {},
): Provider & { readonly client: GlassBoxClient } {
  const client = new GlassBoxClient({
    url: server.wsUrl,
    token: typeof token === "string" ? () => token : token,
    WebSocket,
    backoff: { minMs: 5, maxMs: MAX_BACKOFF_MS },
    ...options,
  });
  afterTest(() => client.close());
  return Object.assign(client.open(name, { doc }), { client });
}

/** Something that tells when it may have changed; returns how to stop that. */
export type Source = (changed: () => void) => () => void;

/** Resolves when the condition holds. It is looked at now and at each change of its sources, never by the clock. */
export function until(
  what: string,
  condition: () => boolean,
  sources: readonly Source[],
  milliseconds = PATIENCE_MS,
): Promise<void> {
  if (condition()) return Promise.resolve();
  let stops: (() => void)[] = [];
  const met = new Promise<void>((resolve, reject) => {
    const look = () => {
      try {
        if (condition()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    stops = sources.map((source) => source(look));
  });
  return within(milliseconds, what, met).finally(() => {
    for (const stop of stops) stop();
  });
}

/** Every transaction that changes a document. */
export function updatesOf(doc: Y.Doc): Source {
  return (changed) => {
    doc.on("update", changed);
    return () => doc.off("update", changed);
  };
}

export function presenceOf(awareness: Awareness): Source {
  return (changed) => {
    awareness.on("change", changed);
    return () => awareness.off("change", changed);
  };
}

export function changesOf<T>(observable: Observable<T>): Source {
  return (changed) => observable.subscribe(changed);
}

export function isSynced({ provider }: Stock): Promise<void> {
  return until("y-websocket to sync", () => provider.synced, [
    (changed) => {
      provider.on("sync", changed);
      return () => provider.off("sync", changed);
    },
  ]);
}

/** Resolves with the code of the next close by the server. */
export function closed({ provider }: Stock): Promise<number> {
  const code = new Promise<number>((resolve) => {
    const onClose = (event: CloseEvent | null) => {
      if (event === null) return;
      provider.off("connection-close", onClose);
      resolve(event.code);
    };
    provider.on("connection-close", onClose);
  });
  return within(PATIENCE_MS, "the server to close the socket", code);
}

/** Resolves when all documents hold the same. */
export function untilEqual(docs: readonly Y.Doc[], read: (doc: Y.Doc) => string): Promise<void> {
  const equal = () => new Set(docs.map(read)).size === 1;
  return until("replicas to be equal", equal, docs.map(updatesOf));
}

export function textOf(doc: Y.Doc): string {
  return doc.getText("text").toString();
}

/** Adds to the end of a document's text. */
export function append(doc: Y.Doc, words: string): void {
  const text = doc.getText("text");
  text.insert(text.length, words);
}

/** Resolves when the document's text holds these words. */
export function reads(doc: Y.Doc, words: string): Promise<void> {
  return until(`the text to hold "${words}"`, () => textOf(doc).includes(words), [updatesOf(doc)]);
}

/** A document as somebody sees it who opens it now, and had nothing of it before. */
export async function openedAfresh(server: Endpoint, name: string, token?: string): Promise<Y.Doc> {
  const stock = openStock(server, name, token);
  await isSynced(stock);
  stock.provider.destroy();
  return stock.doc;
}

/** Random numbers in [0, 1) that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
