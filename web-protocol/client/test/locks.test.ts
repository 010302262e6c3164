import { describe, expect, test } from "vitest";

import { LockHeldError } from "../src/index.js";
import { connect, startServer, until } from "./support.js";

const NODE = "33333333-3333-4333-8333-333333333333";

async function connected(server: Awaited<ReturnType<typeof startServer>>, name: string) {
  const client = connect(server, name);
  await until(client.status, (status) => status === "connected");
  return client;
}

describe("locks of nodes", () => {
  test("G26, G27: a lock is had by one at a time, and given back", async () => {
    const server = await startServer();
    const [ada, bob] = [await connected(server, "ada"), await connected(server, "bob")];
    expect(await ada.acquireLock(NODE)).toMatchObject({
      nodeId: NODE,
      lockedBy: "user-ada",
      fencingToken: 1,
    });
    const refusal = await bob.acquireLock(NODE, { notify: true }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LockHeldError);
    expect(refusal).toMatchObject({ code: "LOCK_HELD", lock: { holder: { name: "ada" } } });
    await expect(bob.releaseLock(NODE)).rejects.toMatchObject({ code: "LOCK_NOT_HELD" });
    await ada.releaseLock(NODE);
    expect(await bob.acquireLock(NODE)).toMatchObject({ lockedBy: "user-bob" });
    expect(server.messagesOf("lock_acquire").map(({ payload }) => payload)).toEqual([
      { nodeId: NODE },
      { nodeId: NODE, notify: true },
      { nodeId: NODE },
    ]);
    expect([ada.error.value, bob.error.value]).toEqual([null, null]);
  });

  test("answers belong to their questions, whatever events say meanwhile", async () => {
    const server = await startServer();
    const ada = await connected(server, "ada");
    server.sendAll("lock_acquired", {
      channel: `events:node:${NODE}`,
      eventId: "7",
      organizationId: NODE,
      actors: [],
      at: "2026-11-21T12:00:00Z",
    });
    const other = "44444444-4444-4444-8444-444444444444";
    const locks = await Promise.all([ada.acquireLock(NODE), ada.acquireLock(other)]);
    expect(locks.map(({ nodeId }) => nodeId)).toEqual([NODE, other]);
  });

  test("what is not answered before the connection is lost fails", async () => {
    const server = await startServer();
    const ada = await connected(server, "ada");
    server.ignoresLocks = true;
    const asked = ada.acquireLock(NODE);
    const failed = expect(asked).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await server.until(() => server.messagesOf("lock_acquire").length === 1);
    server.drop();
    await failed;
    await ada.close();
    await expect(ada.releaseLock(NODE)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});
