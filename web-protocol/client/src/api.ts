import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

import type { ErrorInfo } from "./errors.js";
import type { Observable } from "./observable.js";

/**
 * State of the connection.
 *
 * - `connecting`: the first attempts
 * - `connected`: the server has welcomed us
 * - `reconnecting`: the connection was lost, further attempts follow by themselves
 * - `offline`: the same, and the browser says that there is no network
 * - `unauthorized`: no token, or one that the server does not accept; waits for `client.reconnect()`
 * - `closed`: by `client.close()`, or for ever by the server (see `client.error`)
 */
export type ClientStatus =
  | "connecting"
  | "connected"
  | "reconnecting"
  | "offline"
  | "unauthorized"
  | "closed";

/** Who the server says we are. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly kind: "human" | "agent";
  /** CSS color. */
  readonly color: string;
}

/** The part of a WebSocket that is used; the platform's and that of the package `ws` fit. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Constructor of a {@link WebSocketLike}. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** Bounds of the exponential backoff, in milliseconds. Each delay is uniformly random between 0 and the bound (full jitter). */
export interface Backoff {
  /** Bound of the first delay. Default 100. */
  readonly minMs: number;
  /** Bound that no delay exceeds. Default 10,000. */
  readonly maxMs: number;
}

/** Options of `GlassBoxClient`. */
export interface ClientOptions {
  /** Address of the server's `/ws`, e.g. `wss://glassbox.example/ws`. */
  readonly url: string;
  /**
   * Fetches a token; called before every connection and when a token is about to run out.
   * `null` means signed out: the status becomes `unauthorized`. An exception is retried with backoff.
   */
  readonly token: () => string | null | Promise<string | null>;
  /** WebSocket implementation. Default: the platform's. Needed on Node before 22 (`import { WebSocket } from "ws"`). */
  readonly WebSocket?: WebSocketConstructor;
  readonly backoff?: Partial<Backoff>;
  /** Random number in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
  /** Where `online`, `offline`, `pagehide` and `pageshow` are listened for. Default: the window, if there is one. */
  readonly events?: EventTarget;
}

/** Options of `client.open`. They hold for the first `open` of a document; later ones share its provider. */
export interface OpenOptions {
  /** The document to bind. Default: a new one. */
  readonly doc?: Y.Doc;
  /** Epoch of the content of `doc`, if it has any that this package did not put there; `null`: it was made here and never synced. */
  readonly epoch?: number | null;
  /** Presence of `doc`. Default: a new one, destroyed on close. */
  readonly awareness?: Awareness;
  /**
   * Keep a copy in IndexedDB (needs the package `y-indexeddb`), so that the document opens and can be edited offline.
   * `prefix` keeps copies apart, for instance by user. Default off; the default prefix is `glassbox`.
   */
  readonly persistence?: boolean | { readonly prefix?: string };
}

/**
 * Whether the edits made here are in the server's log.
 *
 * - `saved`: connected, and a receipt covers every edit
 * - `saving`: sent, or about to be; the receipt is not here yet
 * - `offline`: not attached to the document; edits are sent on return
 * - `behind`: the server cannot write its log for now; edits are relayed, or offered again later, by themselves
 * - `refused`: the server will not take an edit as it is (`refusal` says why); it is kept here only
 * - `read-only`: this principal may not write; edits made here are kept here only
 */
export type SavedStateName = "saved" | "saving" | "offline" | "behind" | "refused" | "read-only";

/** See {@link SavedStateName}. */
export interface SavedState {
  readonly state: SavedStateName;
  /** Edits (Yjs transactions of this replica) that no receipt covers yet. With persistence the number survives a reload. */
  readonly unconfirmed: number;
  /** Why the server refused an edit; `null` unless something is refused. */
  readonly refusal: ErrorInfo | null;
}

/** A document and its presence. A provider gets another one when the server replaced the document's history. */
export interface Replica {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
}

/** A replica of an older epoch. It was set aside, for its content must never be merged into the present one. */
export interface StaleReplica {
  /** Its epoch; `null` if it is not known. */
  readonly epoch: number | null;
  /** Its edits that no receipt covered: these exist nowhere else. */
  readonly unconfirmed: number;
  /** Its whole content, as one Yjs update (v1), to be read in a document of its own. */
  export(): Uint8Array;
  /** Forgets it, also in IndexedDB. */
  discard(): Promise<void>;
}

/** How much of a document has come, in bytes. */
export interface LoadProgress {
  readonly received: number;
  readonly total: number;
}

/** Something that the server repaired (SPEC.md, D10). */
export interface Repair {
  /** Where: keys and ids, joined by dots. */
  readonly path: string;
  /** Why, such as `not_a_map`. */
  readonly reason: string;
}

/** What the server repaired in one edit. */
export interface Repaired {
  /** The first of it. */
  readonly repairs: readonly Repair[];
  /** How much more there was. */
  readonly more: number;
}

/** One open document. Made by `client.open`. */
export interface Provider {
  /** Document name, e.g. `node:<uuid>`. */
  readonly name: string;
  /** The present document: `replica.value.doc`. Updates from the server have this provider as their origin. */
  readonly doc: Y.Doc;
  /** The presence of the present document: `replica.value.awareness`. */
  readonly awareness: Awareness;
  /**
   * Document and presence. Changes when the document's history was replaced on the server: what is bound to the
   * old document (editors, undo managers, observers) must then be bound to the new one. The old one is in `stale`.
   */
  readonly replica: Observable<Replica>;
  /** Epoch of the present document; `null` until it was attached once. */
  readonly epoch: number | null;
  /** Whether all that the server had when we attached is here, and updates follow live. */
  readonly synced: Observable<boolean>;
  /** Resolves when `synced` is first true for the present document; rejects with a `GlassBoxError` when it cannot be opened. */
  readonly whenSynced: Promise<void>;
  /** Resolves when the local copy is loaded (at once without persistence). Never rejects; see `error` for `LOCAL_COPY_FAILED`. */
  readonly whenLoaded: Promise<void>;
  readonly saved: Observable<SavedState>;
  /** Resolves when `saved` says `saved`; rejects with a `GlassBoxError` when it says `refused`. */
  whenSaved(): Promise<void>;
  /** What this principal may do; `null` while not attached. */
  readonly access: Observable<"write" | "read" | null>;
  /** The last error of this document; `null` again once it is attached. */
  readonly error: Observable<ErrorInfo | null>;
  /** How much of a large document has come while it is not synced yet; `null` otherwise. */
  readonly loading: Observable<LoadProgress | null>;
  /** Whether the server withholds live updates because we read too slowly. They come as one when we catch up. */
  readonly lagging: Observable<boolean>;
  /**
   * What the server repaired last of what was written here, since it was not of the document's shape (SPEC.md, D10).
   * Another object each time; the edit itself comes like any other.
   */
  readonly repaired: Observable<Repaired | null>;
  /** The oldest replica that was set aside and not discarded. */
  readonly stale: Observable<StaleReplica | null>;
  /**
   * Gives this use of the document back. When it was the last one, presence ends at once, and the document is
   * detached as soon as edits that are not saved yet are.
   * @returns a promise that resolves when the document is detached
   */
  close(): Promise<void>;
}
