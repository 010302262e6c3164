import { describe, expect, test, vi } from "vitest";

import type { ErrorInfo, GlassBoxEvent } from "../src/index.js";
import { connect, startServer } from "./support.js";

const NODE = "node:33333333-3333-4333-8333-333333333333";
const CHANNEL = `events:${NODE}`;

const FACTS = {
  eventId: "7",
  organizationId: "44444444-4444-4444-8444-444444444444",
  nodeId: "33333333-3333-4333-8333-333333333333",
  actors: [{ kind: "user", id: "8a0d0d8e-4f7e-4a0e-8d0e-0d8e4f7e4a0e" }],
  at: "2026-11-21T12:00:00.000000Z",
};

/** Remembers what it was told. */
function recorder(): {
  told: string[];
  errors: ErrorInfo[];
  listener: { event(e: GlassBoxEvent): void; resync(): void; failed(e: ErrorInfo): void };
} {
  const told: string[] = [];
  const errors: ErrorInfo[] = [];
  const listener = {
    event: (event: GlassBoxEvent) => told.push(`${event.type} ${event.payload.eventId}`),
    resync: () => told.push("resync"),
    failed: (error: ErrorInfo) => errors.push(error),
  };
  return { told, errors, listener };
}

describe("listening to events", () => {
  test("G29: what happens is told with its type, to all who listen, over one subscription", async () => {
    const server = await startServer();
    const client = connect(server);
    const [one, two] = [recorder(), recorder()];
    client.listen(NODE, one.listener);
    client.listen(NODE, two.listener);
    await vi.waitFor(() => expect([one.told, two.told]).toEqual([["resync"], ["resync"]]));
    let title: string | undefined;
    client.listen(NODE, {
      event(event) {
        if (event.type === "node_updated") title = event.payload.changes.title;
      },
    });
    server.tell(CHANNEL, "node_updated", { ...FACTS, changes: { title: "Renamed" }, changeCount: 2 });
    await vi.waitFor(() => expect(title).toBe("Renamed"));
    expect([one.told, two.told]).toEqual([
      ["resync", "node_updated 7"],
      ["resync", "node_updated 7"],
    ]);
    expect(server.messagesOf("subscribe").map(({ payload }) => payload)).toEqual([{ channel: CHANNEL }]);
  });

  test("G10: the last who leaves ends the subscription, and the next begins another", async () => {
    const server = await startServer();
    const client = connect(server);
    const [one, two] = [recorder(), recorder()];
    const leaves = [client.listen("user", one.listener), client.listen("user", two.listener)];
    await vi.waitFor(() => expect(server.listeners("user")).toBe(1));
    leaves[0]?.();
    server.tell("user", "notifications_read", { ...FACTS, ids: null, read: true });
    await vi.waitFor(() => expect(two.told).toContain("notifications_read 7"));
    expect(one.told).not.toContain("notifications_read 7");
    leaves[1]?.();
    const three = recorder();
    client.listen("user", three.listener); // before the server has answered
    await vi.waitFor(() => expect(three.told).toEqual(["resync"]));
    expect(server.listeners("user")).toBe(1);
  });

  test("a connection that comes back says to read anew, and tells again", async () => {
    const server = await startServer();
    const client = connect(server);
    const { told, listener } = recorder();
    client.listen(NODE, listener);
    await vi.waitFor(() => expect(told).toEqual(["resync"]));
    server.drop();
    await vi.waitFor(() => expect(told).toEqual(["resync", "resync"]));
    server.tell(CHANNEL, "node_deleted", FACTS);
    await vi.waitFor(() => expect(told.at(-1)).toBe("node_deleted 7"));
  });

  test("G31: events that were left out are said to be, and access that ends is", async () => {
    const server = await startServer();
    const client = connect(server);
    const { told, errors, listener } = recorder();
    client.listen(NODE, listener);
    await vi.waitFor(() => expect(told).toEqual(["resync"]));
    server.tell(CHANNEL, "resync", {});
    await vi.waitFor(() => expect(told).toEqual(["resync", "resync"]));
    server.endEvents(CHANNEL, { code: "ACCESS_ENDED", message: "you were removed", retry: false });
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: "ACCESS_ENDED" }]));
    expect(server.messagesOf("subscribe")).toHaveLength(1);
  });

  test("what cannot be read now is asked for again", async () => {
    const server = await startServer();
    let failures = 2;
    server.refuseSubscribe = () =>
      failures-- > 0 ? { code: "DOCUMENT_UNAVAILABLE", message: "try again", retry: true } : null;
    const { told, errors, listener } = recorder();
    connect(server).listen(NODE, listener);
    await vi.waitFor(() => expect(told).toEqual(["resync"]));
    expect(errors).toHaveLength(2);
  });

  test("G2: events of types that are not known are ignored", async () => {
    const server = await startServer();
    const client = connect(server);
    const { told, listener } = recorder();
    client.listen(NODE, listener);
    await vi.waitFor(() => expect(told).toEqual(["resync"]));
    server.tell(CHANNEL, "node_sublimated", FACTS);
    server.tell(CHANNEL, "node_deleted", FACTS);
    await vi.waitFor(() => expect(told).toEqual(["resync", "node_deleted 7"]));
    expect(client.status.value).toBe("connected");
  });
});
