import * as version3 from "hocuspocus-provider-3";
import * as version4 from "hocuspocus-provider-4";
import * as Y from "yjs";
import { afterTest, type Source, until } from "../clients";
import { Line } from "../line";
import type { Endpoint } from "../server";

export type Provider = version4.HocuspocusProvider;
export type Socket = version4.HocuspocusProviderWebsocket;
export type Version = 3 | 4;

/** `@hocuspocus/provider`, unchanged. What these tests use of version 3 has the same types in version 4. */
export const PACKAGES = { 3: version3 as unknown as typeof version4, 4: version4 };

/** Both versions, for `describe.each`. */
export const VERSIONS: { version: Version }[] = [{ version: 3 }, { version: 4 }];

/** Providers of tests come back soon. */
const BACKOFF_MS = { delay: 20, minDelay: 5, maxDelay: 50 };

/** A socket of a provider, over a line that can be cut. */
export function openSocket(server: Endpoint, version: Version, line = new Line()): Socket {
  const socket = new PACKAGES[version].HocuspocusProviderWebsocket({
    url: `ws://127.0.0.1:${server.port}/hocuspocus`,
    WebSocketPolyfill: line.WebSocket,
    ...BACKOFF_MS,
  });
  afterTest(() => socket.destroy());
  return socket;
}

export type Options = Partial<ConstructorParameters<typeof version4.HocuspocusProvider>[0]> & {
  socket?: Socket;
};

/** Opens a document as an app does. Without a socket, it gets one of its own. */
export function open(server: Endpoint, version: Version, name: string, options: Options = {}): Provider {
  const { socket = openSocket(server, version), ...rest } = options;
  const document = rest.document ?? new Y.Doc();
  const provider = new PACKAGES[version].HocuspocusProvider({
    ...rest,
    name,
    document,
    websocketProvider: socket,
  });
  provider.attach();
  afterTest(() => {
    provider.destroy();
    document.destroy();
  });
  return provider;
}

/** What a provider tells of itself. */
export function eventsOf(provider: Provider, ...events: string[]): Source {
  return (changed) => {
    for (const event of events) provider.on(event, changed);
    return () => {
      for (const event of events) provider.off(event, changed);
    };
  };
}

export function isSynced(provider: Provider): Promise<void> {
  return until("the provider to sync", () => provider.synced, [eventsOf(provider, "synced")]);
}

/** The provider's own word that the server has all that it sent. */
export function isSaved(provider: Provider, milliseconds?: number): Promise<void> {
  const saved = () => provider.synced && !provider.hasUnsyncedChanges;
  return until(
    "the provider to have no unsynced changes",
    saved,
    [eventsOf(provider, "synced", "unsyncedChanges")],
    milliseconds,
  );
}

/** The scope that the server gave the provider last. */
export function hasScope(provider: Provider, scope: "read-write" | "readonly"): Promise<void> {
  return until(`the scope ${scope}`, () => provider.authorizedScope === scope, [
    eventsOf(provider, "authenticated"),
  ]);
}

/** Resolves with the reason of the next denial. */
export function isDenied(provider: Provider): Promise<string> {
  let reason: string | undefined;
  const onDenied = (denied: { reason: string }) => {
    reason ??= denied.reason;
  };
  provider.on("authenticationFailed", onDenied);
  return until("the provider to be denied", () => reason !== undefined, [
    eventsOf(provider, "authenticationFailed"),
  ]).then(() => reason as string);
}

/** The messages of the application that a provider gets from now on. */
export function statelessOf(provider: Provider): string[] {
  const payloads: string[] = [];
  provider.on("stateless", ({ payload }: { payload: string }) => payloads.push(payload));
  return payloads;
}
