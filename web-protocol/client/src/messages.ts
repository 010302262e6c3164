/** JSON messages of the dialect `/ws` (SPEC.md, G2): `{type, payload, requestId?}`. */

import type { Principal, Repair } from "./api.js";
import { CAN_INFLATE } from "./assembly.js";
import type { ErrorInfo } from "./errors.js";
import { type EventFacts, type GlassBoxEvent, isEventType } from "./events.js";

/** Version of the protocol that this package speaks (G3). */
export const PROTOCOL_VERSION = 1;

/** Capabilities that this package understands (G8). */
export const CAPABILITIES: readonly string[] = [
  "receipts",
  "notices",
  "pieces",
  ...(CAN_INFLATE ? ["deflate"] : []),
];

/** What the client must stay within (G3). */
export interface Limits {
  readonly frameBytes: number;
  readonly updateBytes: number;
  readonly channels: number;
}

/** How a channel syncs (G5). */
export interface SyncInfo {
  readonly number: number;
  readonly epoch: number;
  readonly seq: number;
  readonly capabilities: readonly string[];
}

/** Payloads of what a client says, by type. */
export interface ClientPayloads {
  subscribe: { channel: string; sync?: { epoch: number | null; capabilities: readonly string[] } };
  unsubscribe: { channel: string };
  token: { token: string };
  lock_acquire: { nodeId: string; notify?: boolean };
  lock_release: { nodeId: string };
  step: { channel: string; traceEvent: string | null };
}

/** A node's lock that somebody holds (G26). */
export interface HeldLock {
  readonly nodeId: string;
  /** The id of the person who holds it, or for whom an agent or a program does. */
  readonly lockedBy: string;
  readonly holder: { readonly kind: string; readonly id: string; readonly name: string };
  /** Greater than that of every earlier holder. */
  readonly fencingToken: number;
  /** Whether others' edits are refused (G28). */
  readonly enforced: boolean;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Payloads of what the server says, by type. */
export interface ServerPayloads {
  welcome: {
    protocol: number;
    server: string;
    principal: Principal;
    authorizedUntil: string;
    heartbeatSeconds: number;
    limits: Limits;
  };
  subscribed: { channel: string; access: "write" | "read"; sync?: SyncInfo };
  unsubscribed: { channel: string; cause: ErrorInfo | null };
  refused: { channel: string; update: number; cause: ErrorInfo };
  lagging: { channel: string };
  caught_up: { channel: string };
  saving_behind: { channel: string; pending: number };
  saving_resumed: { channel: string };
  repaired: { channel: string; repairs: readonly Repair[]; more: number };
  lock_acquired: HeldLock;
  lock_released: { nodeId: string };
  resync: { channel: string };
  access_changed: { channel: string; access: "write" | "read" };
  token_expiring: { authorizedUntil: string };
  token_accepted: { authorizedUntil: string };
  restarting: { reconnectAfterMs: number };
  error: { cause: ErrorInfo; channel?: string; epoch?: number; lock?: HeldLock };
}

/** A message of the server. */
export type ServerMessage =
  | {
      [T in keyof ServerPayloads]: { type: T; payload: ServerPayloads[T]; requestId?: string };
    }[keyof ServerPayloads]
  | (GlassBoxEvent & { requestId?: string });

/** Whether a message tells that something happened. */
export function isEventMessage(message: ServerMessage): message is GlassBoxEvent {
  return isEventType(message.type) && "eventId" in message.payload;
}

/** A text frame of the server that breaks the protocol. */
export class MalformedMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MalformedMessageError";
  }
}

/** Encodes a message to the server. */
export function encodeMessage<T extends keyof ClientPayloads>(
  type: T,
  payload: ClientPayloads[T],
  requestId: string,
): string {
  return JSON.stringify({ type, payload, requestId });
}

/**
 * Decodes a message of the server. Members that are not known are left out.
 * @returns `null` for a type that is not known: later servers may say more
 * @throws MalformedMessageError
 */
export function decodeMessage(text: string): ServerMessage | null {
  const envelope = new Shape("message", parseJson(text));
  const type = envelope.string("type");
  // What the types of events add is read as it comes. Answers to requests may have their types, and are no events.
  if (isEventType(type) && envelope.shape("payload").optionalString("eventId") !== undefined)
    return { type, payload: readEvent(envelope.shape("payload")) } as ServerMessage;
  if (!isKnown(type)) return null;
  const payload = READERS[type](envelope.shape("payload"));
  const requestId = envelope.optionalString("requestId");
  // Each reader gives its own type's payload, which the compiler cannot see through the lookup.
  return { type, payload, ...(requestId === undefined ? {} : { requestId }) } as ServerMessage;
}

function isKnown(type: string): type is keyof ServerPayloads {
  return Object.hasOwn(READERS, type);
}

const READERS: { [T in keyof ServerPayloads]: (payload: Shape) => ServerPayloads[T] } = {
  welcome: (p) => ({
    protocol: p.number("protocol"),
    server: p.string("server"),
    principal: readPrincipal(p.shape("principal")),
    authorizedUntil: p.string("authorizedUntil"),
    heartbeatSeconds: p.number("heartbeatSeconds"),
    limits: readLimits(p.shape("limits")),
  }),
  subscribed: (p) => {
    const sync = p.optionalShape("sync");
    return { channel: p.string("channel"), access: readAccess(p), ...(sync ? { sync: readSync(sync) } : {}) };
  },
  access_changed: (p) => ({ channel: p.string("channel"), access: readAccess(p) }),
  unsubscribed: (p) => ({
    channel: p.string("channel"),
    cause: p.optionalString("code") === undefined ? null : readCause(p),
  }),
  refused: (p) => ({ channel: p.string("channel"), update: p.number("update"), cause: readCause(p) }),
  lagging: readChannel,
  caught_up: readChannel,
  saving_behind: (p) => ({ channel: p.string("channel"), pending: p.number("pending") }),
  saving_resumed: readChannel,
  repaired: (p) => ({
    channel: p.string("channel"),
    repairs: p.shapes("repairs").map((it) => ({ path: it.string("path"), reason: it.string("reason") })),
    more: p.number("more"),
  }),
  lock_acquired: readLock,
  lock_released: (p) => ({ nodeId: p.string("nodeId") }),
  resync: readChannel,
  token_expiring: (p) => ({ authorizedUntil: p.string("authorizedUntil") }),
  token_accepted: (p) => ({ authorizedUntil: p.string("authorizedUntil") }),
  restarting: (p) => ({ reconnectAfterMs: p.number("reconnectAfterMs") }),
  error: (p) => {
    const [channel, epoch] = [p.optionalString("channel"), p.optionalNumber("epoch")];
    const lock = p.optionalShape("lock");
    return {
      cause: readCause(p),
      ...(channel === undefined ? {} : { channel }),
      ...(epoch === undefined ? {} : { epoch }),
      ...(lock === undefined ? {} : { lock: readLock(lock) }),
    };
  },
};

function readAccess(payload: Shape): "write" | "read" {
  return payload.string("access") === "write" ? "write" : "read";
}

function readChannel(p: Shape): { channel: string } {
  return { channel: p.string("channel") };
}

function readLock(p: Shape): HeldLock {
  const holder = p.shape("holder");
  return {
    nodeId: p.string("nodeId"),
    lockedBy: p.string("lockedBy"),
    holder: { kind: holder.string("kind"), id: holder.string("id"), name: holder.string("name") },
    fencingToken: p.number("fencingToken"),
    enforced: p.boolean("enforced"),
    expiresAt: p.string("expiresAt"),
  };
}

function readEvent(p: Shape): EventFacts {
  const facts = {
    channel: p.string("channel"),
    eventId: p.string("eventId"),
    organizationId: p.string("organizationId"),
    at: p.string("at"),
  };
  for (const actor of p.shapes("actors")) {
    actor.string("kind");
    actor.string("id");
  }
  return { ...(p.members as unknown as EventFacts), ...facts };
}

function readCause(p: Shape): ErrorInfo {
  return { code: p.string("code"), message: p.string("message"), retry: p.boolean("retry") };
}

function readPrincipal(p: Shape): Principal {
  const kind = p.string("kind") === "agent" ? "agent" : "human";
  return { id: p.string("id"), name: p.string("name"), kind, color: p.string("color") };
}

function readLimits(p: Shape): Limits {
  return {
    frameBytes: p.number("frameBytes"),
    updateBytes: p.number("updateBytes"),
    channels: p.number("channels"),
  };
}

function readSync(p: Shape): SyncInfo {
  return {
    number: p.number("number"),
    epoch: p.number("epoch"),
    seq: p.number("seq"),
    capabilities: p.strings("capabilities"),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedMessageError("a text frame is not JSON");
  }
}

/** A JSON object whose members are read with their types. `null` and absent are the same. */
class Shape {
  readonly #members: Record<string, unknown>;

  /** All of them, as they came. */
  get members(): Record<string, unknown> {
    return this.#members;
  }

  constructor(
    readonly path: string,
    value: unknown,
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.#wrong(path, "an object");
    this.#members = value as Record<string, unknown>;
  }

  string(key: string): string {
    return this.#required(key, this.optionalString(key), "a string");
  }

  number(key: string): number {
    return this.#required(key, this.optionalNumber(key), "a whole number");
  }

  boolean(key: string): boolean {
    const value = this.#members[key];
    return this.#required(key, typeof value === "boolean" ? value : undefined, "true or false");
  }

  strings(key: string): string[] {
    const value = this.#members[key];
    const all = Array.isArray(value) && value.every((item) => typeof item === "string");
    return this.#required(key, all ? (value as string[]) : undefined, "a list of strings");
  }

  shapes(key: string): Shape[] {
    const value = this.#members[key];
    const all = this.#required(key, Array.isArray(value) ? value : undefined, "a list");
    return all.map((item, index) => new Shape(`${this.path}.${key}.${index}`, item));
  }

  shape(key: string): Shape {
    return new Shape(`${this.path}.${key}`, this.#members[key]);
  }

  optionalShape(key: string): Shape | undefined {
    return this.#members[key] == null ? undefined : this.shape(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.#members[key];
    return typeof value === "string" ? value : undefined;
  }

  optionalNumber(key: string): number | undefined {
    const value = this.#members[key];
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
  }

  #required<T>(key: string, value: T | undefined, expected: string): T {
    if (value === undefined) throw this.#wrong(`${this.path}.${key}`, expected);
    return value;
  }

  #wrong(path: string, expected: string): MalformedMessageError {
    return new MalformedMessageError(`${path} must be ${expected}`);
  }
}
