import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { Retries } from "../src/backoff.js";
import { GlassBoxClient, GlassBoxError } from "../src/index.js";
import { FakeServer } from "./fake-server.js";
import { afterTest, connect, startServer, textOf, type, until } from "./support.js";

const NAME = "doc:22222222-2222-4222-8222-222222222222";

describe("opening", () => {
  test("G1, G3: the token is in the URL, and welcome says who we are", async () => {
    const server = await startServer();
    const client = connect(server, "a b&c");
    expect(client.status.value).toBe("connecting");
    await until(client.status, (status) => status === "connected");
    expect(server.received[0]).toEqual({ kind: "token", token: "a b&c" });
    expect(client.principal.value).toEqual({
      id: "user-a b&c",
      name: "a b&c",
      kind: "human",
      color: "#336699",
    });
  });

  test("G3: another version of the protocol ends it, with an error that says so", async () => {
    const server = await startServer();
    server.protocol = 2;
    const client = connect(server);
    await until(client.status, (status) => status === "closed");
    expect(client.error.value).toMatchObject({ code: "UNSUPPORTED_PROTOCOL", retry: false });
  });

  test("without a WebSocket the constructor says what to do", () => {
    const options = { url: "ws://127.0.0.1:1/ws", token: () => "x" };
    if (globalThis.WebSocket === undefined)
      expect(() => new GlassBoxClient(options)).toThrow(/option WebSocket/);
    expect(() => new GlassBoxClient({ ...options, url: "no url", WebSocket })).toThrow(TypeError);
  });
});

describe("coming back", () => {
  test("after a lost connection documents are subscribed anew, and edits made meanwhile arrive", async () => {
    const server = await startServer();
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSaved();
    server.drop();
    await until(client.status, (status) => status === "reconnecting");
    expect(provider.synced.value).toBe(false);
    expect(provider.access.value).toBeNull();
    type(provider, "offline");
    expect(provider.saved.value).toMatchObject({ state: "offline", unconfirmed: 1 });
    await provider.whenSaved();
    expect(server.document(NAME).doc.getText("text").toString()).toBe("offline");
    expect(client.error.value).toBeNull();
  });

  test("full jitter: a delay is random below a bound that doubles up to a maximum", () => {
    const retries = new Retries(() => 0.5, { minMs: 100, maxMs: 1000 });
    expect(Array.from({ length: 6 }, () => retries.next())).toEqual([50, 100, 200, 400, 500, 500]);
    retries.reset();
    expect(retries.next()).toBe(50);
  });

  test.each([1011, 1013, 4508])("close code %i: come back", async (code) => {
    const server = await startServer();
    const client = connect(server);
    await until(client.status, (status) => status === "connected");
    server.closeAll(code, "why");
    await until(client.error, (error) => error !== null);
    expect(client.error.value).toMatchObject({ code: "CONNECTION_LOST", retry: true });
    await until(client.status, (status) => status === "connected");
  });

  test.each([
    [1009, "closed"],
    [4400, "closed"],
    [4403, "unauthorized"],
    [4404, "closed"],
  ] as const)("close code %i: do not come back", async (code, status) => {
    const server = await startServer();
    const client = connect(server);
    await until(client.status, (value) => value === "connected");
    server.closeAll(code, "why");
    await until(client.status, (value) => value === status);
    expect(client.error.value).toMatchObject({ code: "CONNECTION_LOST", retry: false });
    client.reconnect(); // the user insists
    await until(client.status, (value) => value === "connected");
  });

  test("a token that comes late, for an attempt that was given up, opens no socket", async () => {
    const server = await startServer();
    const given: ((token: string) => void)[] = [];
    const token = (): Promise<string> => new Promise((resolve) => given.push(resolve));
    const client = connect(server, "", { token });
    client.reconnect();
    client.reconnect();
    expect(given).toHaveLength(3);
    for (const [i, give] of given.entries()) give(`token-${i}`);
    await until(client.status, (status) => status === "connected");
    expect(server.received).toEqual([{ kind: "token", token: "token-2" }]);
  });

  test("G20: after restarting, the client waits as long as it was told, and a random part of it more", async () => {
    const server = await startServer();
    const client = connect(server, "ada", { random: () => 0.5 });
    await until(client.status, (status) => status === "connected");
    const start = performance.now();
    await server.restart(400);
    await until(client.status, (status) => status === "reconnecting");
    await until(client.status, (status) => status === "connected");
    expect(performance.now() - start).toBeGreaterThanOrEqual(599);
    const again = performance.now(); // without a word of the server's it is the backoff again
    server.drop();
    await until(client.status, (status) => status === "reconnecting");
    await until(client.status, (status) => status === "connected");
    expect(performance.now() - again).toBeLessThan(400);
  });

  test("a server that is not there yet is tried again", async () => {
    const first = await FakeServer.start();
    const url = first.url;
    await first.stop();
    const client = new GlassBoxClient({ url, token: () => "x", WebSocket, backoff: { minMs: 1, maxMs: 2 } });
    afterTest(() => client.close());
    await until(client.error, (error) => error?.code === "CONNECTION_LOST");
    expect(client.status.value).toBe("connecting");
  });

  test("a server that breaks the protocol is left with 4400, and tried again", async () => {
    const server = await startServer();
    const client = connect(server);
    for (const garbage of [new Uint8Array([1, 9]), "{", '{"type":"refused","payload":{}}']) {
      await until(client.status, (status) => status === "connected");
      server.sendRaw(garbage);
      await until(client.error, (error) => error?.code === "PROTOCOL_VIOLATION");
    }
    await until(client.status, (status) => status === "connected");
  });

  test("G2: messages of unknown types and unknown members are ignored", async () => {
    const server = await startServer();
    const client = connect(server);
    const provider = client.open(NAME);
    await provider.whenSynced;
    server.sendAll("trace", { anything: 1 });
    server.sendAll("lagging", { channel: NAME, more: true });
    await until(provider.lagging, (lagging) => lagging);
    expect(client.status.value).toBe("connected");
  });
});

describe("tokens", () => {
  test("4401 at the opening: one more try with a new token, then unauthorized until reconnect()", async () => {
    const server = await startServer();
    const tokens = ["old", "old", "new"];
    server.principalOf = (token) =>
      token === "new" ? { id: "1", name: "n", kind: "human", color: "#000000" } : null;
    const client = connect(server, "", { token: async () => tokens.shift() ?? null });
    await until(client.status, (status) => status === "unauthorized");
    expect(client.error.value).toMatchObject({ code: "UNAUTHORIZED", retry: false });
    expect(server.received).toHaveLength(2);
    client.reconnect();
    await until(client.status, (status) => status === "connected");
  });

  test.each([4401, 4501])("%i later: the client comes back with a new token", async (code) => {
    const server = await startServer();
    let count = 0;
    const client = connect(server, "", { token: () => `token-${++count}` });
    await until(client.principal, (principal) => principal?.name === "token-1");
    server.closeAll(code);
    await until(client.principal, (principal) => principal?.name === "token-2");
  });

  test("no token: unauthorized at once, and nothing is sent", async () => {
    const server = await startServer();
    const client = connect(server, "", { token: () => null });
    await until(client.status, (status) => status === "unauthorized");
    expect(server.received).toHaveLength(0);
  });

  test("a token callback that fails is called again", async () => {
    const server = await startServer();
    let count = 0;
    const token = (): string => {
      if (++count < 3) throw new Error("no network");
      return "ada";
    };
    const client = connect(server, "", { token });
    await until(client.error, (error) => error?.code === "TOKEN_FAILED");
    await until(client.status, (status) => status === "connected");
    expect(count).toBe(3);
  });

  test("G19: token_expiring is answered with a new token, on the same socket", async () => {
    const server = await startServer();
    let count = 0;
    const client = connect(server, "", { token: () => `token-${++count}` });
    await until(client.status, (status) => status === "connected");
    server.sendAll("token_expiring", { authorizedUntil: "2026-11-21T00:00:00Z" });
    await server.until(() => server.messagesOf("token").length === 1);
    expect(server.messagesOf("token")[0]?.payload).toEqual({ token: "token-2" });
    expect(server.connections).toBe(1);
  });

  test("G19: when the new token is refused, the old authority stays and the error is shown", async () => {
    const server = await startServer();
    const tokens = ["good", "bad"];
    server.principalOf = (token) =>
      token === "good" ? { id: "1", name: "n", kind: "human", color: "#000000" } : null;
    const client = connect(server, "", { token: () => tokens.shift() ?? null });
    await until(client.status, (status) => status === "connected");
    server.sendAll("token_expiring", { authorizedUntil: "2026-11-21T00:00:00Z" });
    await until(client.error, (error) => error?.code === "INVALID_TOKEN");
    expect(client.status.value).toBe("connected");
  });
});

describe("the browser's events", () => {
  const pageshow = (persisted: boolean): Event => Object.assign(new Event("pageshow"), { persisted });

  test("offline drops the socket, online comes back at once", async () => {
    const server = await startServer();
    const events = new EventTarget();
    const client = connect(server, "ada", { events, backoff: { minMs: 60_000, maxMs: 60_000 } });
    await until(client.status, (status) => status === "connected");
    events.dispatchEvent(new Event("offline"));
    expect(client.status.value).toBe("offline");
    await server.until(() => server.connections === 0);
    events.dispatchEvent(new Event("online"));
    expect(client.status.value).toBe("reconnecting");
    await until(client.status, (status) => status === "connected");
  });

  test("an offline event that is wrong does not keep us away", async () => {
    const server = await startServer();
    const events = new EventTarget();
    const client = connect(server, "ada", { events });
    await until(client.status, (status) => status === "connected");
    events.dispatchEvent(new Event("offline"));
    await until(client.status, (status) => status === "connected");
  });

  test("pagehide sends what waits and leaves; pageshow from the browser's cache comes back", async () => {
    const server = await startServer();
    const events = new EventTarget();
    const client = connect(server, "ada", { events });
    const provider = client.open(NAME);
    await provider.whenSaved();
    type(provider, "last words");
    events.dispatchEvent(new Event("pagehide"));
    await server.until(() => server.connections === 0);
    expect(server.document(NAME).doc.getText("text").toString()).toBe("last words");
    events.dispatchEvent(pageshow(false));
    expect(client.status.value).toBe("reconnecting");
    events.dispatchEvent(pageshow(true));
    await provider.whenSaved();
    expect(textOf(provider)).toBe("last words");
  });

  test("close() removes every listener", async () => {
    const server = await startServer();
    const counted = new Map<string, number>();
    const events = new EventTarget();
    const add = events.addEventListener.bind(events);
    const remove = events.removeEventListener.bind(events);
    events.addEventListener = (name: string, ...rest: [EventListener]) => {
      counted.set(name, (counted.get(name) ?? 0) + 1);
      add(name, ...rest);
    };
    events.removeEventListener = (name: string, ...rest: [EventListener]) => {
      counted.set(name, (counted.get(name) ?? 0) - 1);
      remove(name, ...rest);
    };
    const client = connect(server, "ada", { events });
    expect([...counted.values()]).toEqual([1, 1, 1, 1]);
    client.close();
    expect([...counted.values()]).toEqual([0, 0, 0, 0]);
    expect(client.status.value).toBe("closed");
    expect(() => client.open(NAME)).toThrow(GlassBoxError);
    client.reconnect();
    expect(client.status.value).toBe("closed");
  });
});
