import type { Provider } from "@glassbox/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Value } from "../lib/external-store";
import { AwaitedDocument } from "./awaited-document";

const NOT_FOUND = { code: "NOT_FOUND", message: "no such document", retry: false };

function observable<T>(initial: T) {
  const store = new Value(initial);
  return {
    get value() {
      return store.get();
    },
    subscribe: store.subscribe,
    set: (value: T) => store.set(value),
  };
}

function fakeProvider(name: string) {
  const replica = observable({});
  return {
    name,
    replica,
    error: observable<typeof NOT_FOUND | null>(null),
    access: observable<"write" | null>(null),
  };
}

let opened: ReturnType<typeof fakeProvider>[];
let replicas: unknown[];
let released: unknown[];
let saved: () => void;

function open(): AwaitedDocument {
  const canvas = { whenSaved: () => new Promise<void>((resolve) => (saved = resolve)) };
  const opener = {
    open(name: string, replica: unknown) {
      replicas.push(replica);
      opened.push(fakeProvider(name));
      return opened.at(-1) as unknown as Provider;
    },
    async release(provider: Provider) {
      released.push(provider);
    },
  };
  return new AwaitedDocument(opener, "node:1", canvas);
}

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  replicas = [];
  released = [];
});
afterEach(() => vi.useRealTimers());

it("opens a document anew that the server did not know, once the canvas is saved", async () => {
  const document = open();
  opened[0]?.error.set(NOT_FOUND);
  expect(document.isAwaited.get()).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened).toHaveLength(1);
  saved();
  await vi.advanceTimersByTimeAsync(500);
  expect(released).toEqual([opened[0]]);
  expect(document.provider.get()).toBe(opened[1]);
  opened[1]?.access.set("write");
  expect(document.isAwaited.get()).toBe(false);
});

it("does not open anew what fails for another reason", async () => {
  const document = open();
  opened[0]?.error.set({ ...NOT_FOUND, code: "DOCUMENT_UNAVAILABLE" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened).toHaveLength(1);
  expect(document.isAwaited.get()).toBe(false);
});

it("gives back every document that it opened", async () => {
  const document = open();
  opened[0]?.error.set(NOT_FOUND);
  saved();
  await vi.advanceTimersByTimeAsync(200);
  document.destroy();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened).toHaveLength(1);
  expect(released).toEqual(opened);
});

it("opens the same replica anew, so that an editor stays bound to it", async () => {
  open();
  opened[0]?.replica.set({ doc: "the same" });
  opened[0]?.error.set(NOT_FOUND);
  saved();
  await vi.advanceTimersByTimeAsync(500);
  expect(replicas[1]).toEqual({ doc: "the same" });
});
