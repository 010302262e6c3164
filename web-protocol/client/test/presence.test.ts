import { expect, test } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import type { Provider } from "../src/index.js";
import { connect, startServer, type, until } from "./support.js";

const NAME = "node:55555555-5555-4555-8555-555555555555";

/** Resolves when `provider` sees the condition hold for the states of the others. */
function untilOthers(
  provider: Provider,
  condition: (states: Record<string, unknown>[]) => boolean,
): Promise<void> {
  const { awareness } = provider;
  const holds = (): boolean => {
    const others = [...awareness.getStates()].filter(([id]) => id !== awareness.clientID);
    return condition(others.map(([, state]) => state));
  };
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      awareness.off("change", check);
      resolve();
    };
    awareness.on("change", check);
  });
}

test("P1: states are published at once and on change, with the identity that the server sets", async () => {
  const server = await startServer();
  const [a, b] = [connect(server, "ada").open(NAME), connect(server, "bob").open(NAME)];
  a.awareness.setLocalState({ cursor: 1, user: { name: "somebody else" } });
  await Promise.all([a.whenSynced, b.whenSynced]);
  await untilOthers(b, ([state]) => state?.cursor === 1);
  await untilOthers(b, ([state]) => (state?.user as { name: string } | undefined)?.name === "ada");
  a.awareness.setLocalStateField("cursor", 2);
  await untilOthers(b, ([state]) => state?.cursor === 2);
});

test("D6: the client id is published before the answer that brings edits under it", async () => {
  const server = await startServer();
  const provider = connect(server).open(NAME);
  type(provider, "made offline");
  await provider.whenSaved();
  const types = server.received.flatMap((each) => (each.kind === "frame" ? [each.frame.type] : []));
  expect(types.indexOf("awareness")).toBeGreaterThanOrEqual(0);
  expect(types.indexOf("awareness")).toBeLessThan(types.indexOf("step2"));
});

test("P5: a state goes when its document is closed", async () => {
  const server = await startServer();
  const [a, b] = [connect(server, "ada").open(NAME), connect(server, "bob").open(NAME)];
  await untilOthers(b, (states) => states.length === 1);
  void a.close();
  await untilOthers(b, (states) => states.length === 0);
});

test("a close that waits for edits ends presence at once, and an open brings it back", async () => {
  const server = await startServer();
  const client = connect(server, "ada");
  const [a, b] = [client.open(NAME), connect(server, "bob").open(NAME)];
  a.awareness.setLocalState({ cursor: 7 });
  await Promise.all([a.whenSaved(), b.whenSaved()]);
  await untilOthers(b, ([state]) => state?.cursor === 7);
  server.document(NAME).isBehind = true;
  type(a, "x");
  const closed = a.close();
  await untilOthers(b, (states) => states.length === 0);
  expect(client.open(NAME)).toBe(a);
  await untilOthers(b, ([state]) => state?.cursor === 7);
  void a.close();
  server.setBehind(NAME, false);
  await closed;
});

test("the others are forgotten when the connection is lost, and seen again with the same states", async () => {
  const server = await startServer();
  const a = connect(server, "ada").open(NAME);
  const b = connect(server, "bob").open(NAME);
  a.awareness.setLocalState({ cursor: 1 });
  await untilOthers(b, ([state]) => state?.cursor === 1);
  const lost = untilOthers(b, (states) => states.length === 0);
  server.unsubscribeAll(NAME, { code: "REOPEN", message: "open anew", retry: true });
  await lost;
  await untilOthers(b, ([state]) => state?.cursor === 1);
  await untilOthers(a, (states) => states.length === 1);
});

test("when others say that we are gone, we say that we are not", async () => {
  const server = await startServer();
  const provider = connect(server).open(NAME);
  provider.awareness.setLocalState({ cursor: 1 });
  await provider.whenSaved();
  const document = server.document(NAME);
  const clock = provider.awareness.meta.get(provider.awareness.clientID)?.clock ?? 0;
  const sentBefore = server.framesOf(NAME, "awareness").length;
  const removal = new Uint8Array([
    1,
    ...varUint(provider.awareness.clientID),
    clock + 1,
    4,
    110,
    117,
    108,
    108,
  ]);
  for (const session of document.sessions)
    session.send({ number: document.number, type: "awareness", body: removal });
  await server.until(() => server.framesOf(NAME, "awareness").length > sentBefore);
  expect(provider.awareness.getLocalState()).toEqual({ cursor: 1 });
});

test("the Awareness of the application is given back as it was, ours is destroyed", async () => {
  const server = await startServer();
  const client = connect(server);
  const doc = new Y.Doc();
  const awareness = new Awareness(doc);
  awareness.setLocalState({ mine: true });
  const provider = client.open(NAME, { doc, awareness });
  expect(provider.awareness).toBe(awareness);
  await provider.whenSaved();
  await provider.close();
  expect(awareness.getLocalState()).toEqual({ mine: true });
  awareness.destroy();
});

test("a garbled awareness update costs nothing but itself", async () => {
  const server = await startServer();
  const provider = connect(server).open(NAME);
  await provider.whenSaved();
  const document = server.document(NAME);
  const original = console.error;
  console.error = () => {};
  for (const session of document.sessions) {
    session.send({ number: document.number, type: "awareness", body: new Uint8Array([1, 1, 1, 1, 123]) });
  }
  server.sendAll("lagging", { channel: NAME });
  await until(provider.lagging, (lagging) => lagging);
  console.error = original;
  type(provider, "x");
  await provider.whenSaved();
});

function varUint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varUint(Math.floor(value / 128))];
}
