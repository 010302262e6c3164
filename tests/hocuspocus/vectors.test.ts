import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { afterTest, textOf } from "../clients";
import { PACKAGES, type Provider, statelessOf, VERSIONS, type Version } from "./providers";

interface Vector {
  readonly name: string;
  readonly from: "client" | "server";
  readonly providers: readonly Version[];
  readonly hex: string;
  readonly address: string | null;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../web-protocol/vectors/hocuspocus.json", import.meta.url), "utf8"),
);

describe.each(VERSIONS)("the golden frames and version $version of the provider", ({ version }) => {
  it("are what it sends (H2)", async () => {
    const sent = [...(await framesOf(version, null)), ...(version === 4 ? await framesOf(4, "k3x") : [])];
    const expected = vectors.filter(
      ({ from, providers }) => from === "client" && providers.includes(version),
    );
    expect(expected.length).toBeGreaterThan(5);
    for (const { name, hex } of expected) expect(sent, name).toContain(hex);
  });

  it("are what it understands (H2)", async () => {
    const { provider, hear, sent } = await connected(version, null);
    const heard: Record<string, unknown> = {};
    const payloads = statelessOf(provider);
    provider.on("authenticationFailed", ({ reason }: { reason: string }) => {
      heard.denied = reason;
    });
    provider.on("close", ({ event }: { event: { reason: string } }) => {
      heard.closed = event.reason;
    });
    await hear("let in to read");
    expect(provider.authorizedScope).toBe("readonly");
    await hear("let in to write");
    expect([provider.isAuthenticated, provider.authorizedScope]).toEqual([true, "read-write"]);
    sent.length = 0;
    await hear("a token is wanted");
    expect(sent).toContain(hexOf(version === 3 ? "token" : "token with the provider's version"));
    await hear("the server's step 1");
    expect(sent).toContain(hexOf("step 2 of an empty replica"));
    expect([provider.synced, provider.unsyncedChanges]).toEqual([false, 1]);
    await hear("refused");
    expect(provider.unsyncedChanges).toBe(1);
    await hear("saved");
    expect(provider.unsyncedChanges).toBe(0);
    await hear("a part of an answer, or a live update");
    expect(textOf(provider.document)).toBe("see");
    await hear("the server's step 2");
    expect(provider.synced).toBe(true);
    await hear("awareness of somebody else");
    expect(provider.awareness?.getStates().get(5)).toEqual({ mood: "sly" });
    sent.length = 0;
    await hear("awareness about nobody");
    expect([provider.awareness?.getStates().size, sent]).toEqual([2, []]);
    await hear("who is here?");
    expect(sent).toHaveLength(1);
    await hear("stateless from somebody else");
    expect(payloads).toEqual(["кю 🦀"]);
    await hear("denied");
    expect([heard.denied, provider.isAuthenticated]).toEqual(["permission-denied", false]);
    await hear("closed by the server");
    expect([heard.closed, provider.synced]).toEqual(["permission-denied", false]);
  });
});

it("with a session's name, are understood by that session only (H1)", async () => {
  const { provider, hear } = await connected(4, "k3x");
  await hear("let in to write");
  await hear("saved");
  expect([provider.isAuthenticated, provider.unsyncedChanges]).toEqual([false, 1]);
  await hear("let in to write, a named session");
  await hear("saved, of a named session");
  expect([provider.isAuthenticated, provider.unsyncedChanges]).toEqual([true, 0]);
});

it("are answered on the socket, when they have no address (H2)", async () => {
  const { hear, sent } = await connected(4, null);
  await hear("ping");
  expect(sent).toContain(hexOf("pong"));
});

/** All frames that a provider sends in its life. */
async function framesOf(version: Version, session: string | null): Promise<string[]> {
  const { provider, hear, sent } = await connected(version, session);
  provider.document.getText("text").insert(0, "hi");
  provider.awareness?.setLocalState({ cursor: { anchor: 1, head: 2 } });
  provider.awareness?.setLocalState(null);
  provider.sendStateless('{"action":"publish"}');
  if (version === 4) await hear("ping");
  provider.destroy();
  const empty = await connected(version, session, "");
  await empty.hear("the server's step 1");
  return [...sent, ...empty.sent];
}

interface Connected {
  readonly provider: Provider;
  /** What the provider has sent, in hexadecimal. */
  readonly sent: string[];
  /** Has the provider hear a golden frame. */
  readonly hear: (name: string) => Promise<void>;
}

/** A provider on a connection that is none: what it sends is kept. */
async function connected(version: Version, session: string | null, token = "a.b.c"): Promise<Connected> {
  const sent: string[] = [];
  class Nowhere extends EventTarget {
    static last: Nowhere;
    readyState = 1;
    constructor() {
      super();
      Nowhere.last = this;
    }
    send(bytes: Uint8Array): void {
      sent.push(Buffer.from(bytes).toString("hex"));
    }
    close(): void {}
  }
  const { HocuspocusProvider, HocuspocusProviderWebsocket } = PACKAGES[version];
  const websocketProvider = new HocuspocusProviderWebsocket({
    url: "ws://nowhere",
    WebSocketPolyfill: Nowhere,
  });
  const document = new Y.Doc();
  document.clientID = 1;
  const sessionAwareness = session !== null;
  const provider = new HocuspocusProvider({
    name: "scratch:notes",
    document,
    token,
    websocketProvider,
    sessionAwareness,
  });
  if (session !== null) provider.sessionId = session;
  provider.attach();
  afterTest(() => {
    provider.destroy();
    websocketProvider.destroy();
  });
  await settled();
  Nowhere.last.dispatchEvent(new Event("open"));
  await settled();
  const hear = async (name: string) => {
    Nowhere.last.dispatchEvent(
      new MessageEvent("message", { data: Uint8Array.from(Buffer.from(hexOf(name), "hex")).buffer }),
    );
    await settled();
  };
  return { provider, sent, hear };
}

function hexOf(name: string): string {
  const vector = vectors.find((candidate) => candidate.name === name);
  if (!vector) throw new Error(`there is no golden frame "${name}"`);
  return vector.hex;
}

/** Everything that was under way without waiting for anybody is done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
