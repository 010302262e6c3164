import type { AddressInfo } from "node:net";
import { deflateSync } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  modifyAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import * as Y from "yjs";

import { decodeFrame, encodeFrame, type Frame, type PieceFrame } from "../src/frames.js";

export interface Cause {
  code: string;
  message: string;
  retry: boolean;
}

interface FakePrincipal {
  id: string;
  name: string;
  kind: "human" | "agent";
  color: string;
}

interface Message {
  type: string;
  payload: Record<string, unknown>;
  requestId?: string;
}

/** A step 2 in pieces, every other one compressed. */
export function inPieces(number: number, body: Uint8Array, pieceBytes: number): PieceFrame[] {
  const pieces: PieceFrame[] = [];
  for (let start = 0; start < body.byteLength; start += pieceBytes) {
    const bytes = body.slice(start, start + pieceBytes);
    const inflated = pieces.length % 2 === 0 ? bytes.byteLength : 0;
    const head = { number, type: "piece", of: "step2", total: body.byteLength, inflated } as const;
    pieces.push({ ...head, body: inflated === 0 ? bytes : new Uint8Array(deflateSync(bytes)) });
  }
  return pieces;
}

/** A document of the fake server: a real Yjs document with a log that is only counted. */
export class FakeDocument {
  doc = new Y.Doc();
  awareness = new Awareness(this.doc);
  epoch = 1;
  seq = 0;
  access: "write" | "read" = "write";
  /** Receipts wait while true (D8). */
  isBehind = false;
  readonly sessions = new Set<FakeSession>();

  constructor(
    readonly name: string,
    readonly number: number,
  ) {}

  replaceHistory(content?: (doc: Y.Doc) => void): void {
    this.awareness.destroy();
    this.doc = new Y.Doc();
    this.awareness = new Awareness(this.doc);
    this.awareness.setLocalState(null);
    content?.(this.doc);
    this.epoch += 1;
    this.seq = 1;
  }
}

/** One subscription of one socket. */
class FakeSession {
  frames = 0;
  receipted = 0;
  readonly clients = new Set<number>();

  constructor(
    readonly socket: FakeSocket,
    readonly document: FakeDocument,
  ) {}

  send(frame: Frame): void {
    this.socket.socket.send(encodeFrame(frame));
  }

  receipt(): void {
    const { number, epoch, seq, isBehind } = this.document;
    if (isBehind || this.receipted === this.frames) return;
    this.receipted = this.frames;
    this.send({ number, type: "receipt", through: this.frames, epoch, seq });
  }
}

class FakeSocket {
  readonly sessions = new Map<string, FakeSession>();
  /** Channels that carry nothing but events. */
  readonly eventChannels = new Set<string>();
  constructor(
    readonly socket: WebSocket,
    readonly principal: FakePrincipal,
  ) {}

  send(type: string, payload: object, requestId?: string): void {
    this.socket.send(JSON.stringify({ type, payload, ...(requestId === undefined ? {} : { requestId }) }));
  }
}

/** What the fake server has got, in order. */
export type Received =
  | { kind: "token"; token: string | null }
  | { kind: "message"; type: string; payload: Record<string, unknown> }
  | { kind: "frame"; channel: string; frame: Frame; at: number };

/** Speaks the dialect `/ws` of SPEC.md over a real WebSocket, and makes faults on demand. Not a GlassBox server. */
export class FakeServer {
  readonly documents = new Map<string, FakeDocument>();
  readonly received: Received[] = [];
  limits = { frameBytes: 1 << 24, updateBytes: 1 << 24, channels: 256 };
  protocol = 1;
  /** Who a token belongs to; `null`: nobody. */
  principalOf: (token: string | null) => FakePrincipal | null = (token) =>
    token ? { id: `user-${token}`, name: token, kind: "human", color: "#336699" } : null;
  /** Refuses a client's step 2 or update. */
  refuse: (update: Uint8Array, document: FakeDocument) => Cause | null = () => null;
  /** Answers a subscribe with an error. */
  refuseSubscribe: (name: string) => (Cause & { epoch?: number }) | null = () => null;
  /** Step 2 comes in pieces of so many bytes (G24), every other one compressed; `null`: whole. */
  pieceBytes: number | null = null;
  /** Who holds which node's lock (G26). */
  readonly locks = new Map<string, FakePrincipal>();
  /** What is asked of locks is not answered while true. */
  ignoresLocks = false;
  /** Subscribes are not answered while true. */
  ignoresSubscribes = false;

  readonly #sockets = new Set<FakeSocket>();
  readonly #waiters = new Set<() => void>();
  #server: WebSocketServer;
  readonly #port: number;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.#accept();
  }

  static async start(): Promise<FakeServer> {
    return new FakeServer(await listen(0));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/ws`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  document(name: string): FakeDocument {
    let document = this.documents.get(name);
    if (!document) {
      document = new FakeDocument(name, this.documents.size + 1);
      document.awareness.setLocalState(null);
      this.documents.set(name, document);
    }
    return document;
  }

  /** Resolves when the condition holds; it is checked whenever something was received or a socket came or went. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
    });
  }

  framesOf(channel: string, type: Frame["type"]): Extract<Received, { kind: "frame" }>[] {
    return this.received.filter(
      (each): each is Extract<Received, { kind: "frame" }> =>
        each.kind === "frame" && each.channel === channel && each.frame.type === type,
    );
  }

  messagesOf(type: string): Extract<Received, { kind: "message" }>[] {
    return this.received.filter(
      (each): each is Extract<Received, { kind: "message" }> => each.kind === "message" && each.type === type,
    );
  }

  // Faults.

  /** Cuts every connection, or the given share of them. */
  drop(chosen: () => boolean = () => true): void {
    for (const socket of this.#sockets) if (chosen()) socket.socket.terminate();
  }

  closeAll(code: number, reason = ""): void {
    for (const socket of this.#sockets) socket.socket.close(code, reason);
  }

  sendAll(type: string, payload: object): void {
    for (const socket of this.#sockets) socket.send(type, payload);
  }

  sendRaw(data: string | Uint8Array): void {
    for (const socket of this.#sockets) socket.socket.send(data);
  }

  /** Ends every subscription of a document by the server's will (G10). */
  unsubscribeAll(name: string, cause: Cause): void {
    const document = this.document(name);
    for (const session of [...document.sessions]) {
      session.socket.send("unsubscribed", { channel: name, ...cause });
      this.#leave(session);
    }
  }

  /** Stops or continues writing the log (D8, G18). */
  setBehind(name: string, isBehind: boolean): void {
    const document = this.document(name);
    document.isBehind = isBehind;
    for (const session of document.sessions) {
      session.socket.send(isBehind ? "saving_behind" : "saving_resumed", { channel: name, pending: 1 });
      session.receipt();
    }
  }

  /** Replaces a document's history, as a restore does: another epoch (G7). */
  changeEpoch(name: string, content?: (doc: Y.Doc) => void): void {
    this.document(name).replaceHistory(content);
    this.unsubscribeAll(name, {
      code: "DOCUMENT_REPLACED",
      message: "The document was restored",
      retry: true,
    });
  }

  /** Goes away, and comes back on the same port. */
  async restart(reconnectAfterMs: number): Promise<void> {
    this.sendAll("restarting", { reconnectAfterMs });
    this.closeAll(1012);
    await this.#stopListening();
    this.#server = await listen(this.#port);
    this.#accept();
  }

  async stop(): Promise<void> {
    this.drop();
    await this.#stopListening();
    for (const document of this.documents.values()) document.awareness.destroy();
  }

  /** Tells those who listen on a channel of events. */
  tell(channel: string, type: string, payload: object): void {
    for (const socket of this.#sockets) {
      if (socket.eventChannels.has(channel)) socket.send(type, { channel, ...payload });
    }
  }

  /** How many sockets listen on a channel of events. */
  listeners(channel: string): number {
    return [...this.#sockets].filter((socket) => socket.eventChannels.has(channel)).length;
  }

  /** Ends a channel of events by the server's will (G31). */
  endEvents(channel: string, cause: Cause): void {
    for (const socket of this.#sockets) {
      if (socket.eventChannels.delete(channel)) socket.send("unsubscribed", { channel, ...cause });
    }
  }

  // The protocol.

  #stopListening(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(): void {
    this.#server.on("connection", (socket, request) => {
      const token = new URL(request.url ?? "", "ws://localhost").searchParams.get("token");
      this.#note({ kind: "token", token });
      const principal = this.principalOf(token);
      if (!principal) return socket.close(4401, "invalid token");
      this.#welcome(new FakeSocket(socket, principal));
    });
  }

  #welcome(socket: FakeSocket): void {
    this.#sockets.add(socket);
    socket.send("welcome", {
      protocol: this.protocol,
      server: "fake/0",
      principal: socket.principal,
      authorizedUntil: "2100-01-01T00:00:00Z",
      heartbeatSeconds: 30,
      limits: this.limits,
    });
    socket.socket.on("message", (data: Buffer, isBinary) => {
      if (data.byteLength > this.limits.frameBytes) return socket.socket.close(1009);
      if (isBinary) this.#frame(socket, new Uint8Array(data));
      else this.#message(socket, JSON.parse(data.toString()) as Message);
    });
    socket.socket.on("close", () => {
      for (const session of [...socket.sessions.values()]) this.#leave(session);
      this.#sockets.delete(socket);
      this.#check();
    });
  }

  #message(socket: FakeSocket, { type, payload, requestId }: Message): void {
    const reply = (replyType: string, body: object): void => socket.send(replyType, body, requestId);
    const channel = String(payload.channel);
    if (type === "subscribe" && !payload.sync) {
      this.#listen(socket, channel, reply);
    } else if (type === "subscribe") {
      if (!this.ignoresSubscribes)
        this.#subscribe(socket, channel, payload.sync as { epoch: number | null }, reply);
    } else if (type === "unsubscribe") {
      const session = socket.sessions.get(channel);
      if (session) this.#leave(session);
      if (session || socket.eventChannels.delete(channel)) reply("unsubscribed", { channel });
      else reply("error", { channel, code: "NOT_SUBSCRIBED", message: "not subscribed", retry: false });
    } else if (type === "token") {
      const principal = this.principalOf(String(payload.token));
      if (principal) reply("token_accepted", { authorizedUntil: "2100-01-01T00:00:00Z" });
      else reply("error", { code: "INVALID_TOKEN", message: "not a token", retry: false });
    } else if (type === "lock_acquire" || type === "lock_release") {
      if (!this.ignoresLocks) this.#lock(socket.principal, type, String(payload.nodeId), reply);
    } else {
      reply("error", { code: "UNKNOWN_TYPE", message: type, retry: false });
    }
    this.#note({ kind: "message", type, payload });
  }

  #lock(
    principal: FakePrincipal,
    type: "lock_acquire" | "lock_release",
    nodeId: string,
    reply: (type: string, body: object) => void,
  ): void {
    const holder = this.locks.get(nodeId);
    const lockOf = ({ id, name }: FakePrincipal) => ({
      nodeId,
      lockedBy: id,
      holder: { kind: "user", id, name },
      fencingToken: 1,
      enforced: false,
      expiresAt: "2100-01-01T00:00:00.000Z",
    });
    if (type === "lock_acquire" && holder && holder.id !== principal.id) {
      const cause = { code: "LOCK_HELD", message: `${holder.name} has locked this`, retry: false };
      reply("error", { channel: `node:${nodeId}`, ...cause, lock: lockOf(holder) });
    } else if (type === "lock_acquire") {
      this.locks.set(nodeId, principal);
      reply("lock_acquired", lockOf(principal));
    } else if (holder?.id === principal.id) {
      this.locks.delete(nodeId);
      reply("lock_released", { nodeId });
    } else {
      reply("error", { code: "LOCK_NOT_HELD", message: "you do not hold it", retry: false });
    }
  }

  #listen(socket: FakeSocket, channel: string, reply: (type: string, body: object) => void): void {
    const refusal = this.refuseSubscribe(channel);
    if (refusal) {
      reply("error", { channel, ...refusal });
      return;
    }
    socket.eventChannels.add(channel);
    reply("subscribed", { channel, access: "read" });
  }

  #subscribe(
    socket: FakeSocket,
    channel: string,
    sync: { epoch: number | null },
    reply: (type: string, body: object) => void,
  ): void {
    const refusal = this.refuseSubscribe(channel);
    if (refusal) {
      reply("error", { channel, ...refusal });
      return;
    }
    const document = this.document(channel);
    if (sync.epoch !== null && sync.epoch !== document.epoch) {
      const message = "the document was replaced";
      reply("error", {
        channel,
        code: "EPOCH_MISMATCH",
        message,
        retry: false,
        epoch: document.epoch,
      });
      return;
    }
    if (socket.sessions.has(channel)) {
      reply("error", { channel, code: "ALREADY_SUBSCRIBED", message: "twice", retry: false });
      return;
    }
    const session = new FakeSession(socket, document);
    socket.sessions.set(channel, session);
    document.sessions.add(session);
    const { number, epoch, seq, access } = document;
    reply("subscribed", {
      channel,
      access,
      sync: { number, epoch, seq, capabilities: ["receipts", "notices"] },
    });
    session.send({ number, type: "step1", body: Y.encodeStateVector(document.doc) });
    const present = [...document.awareness.getStates().keys()];
    if (present.length > 0) {
      session.send({ number, type: "awareness", body: encodeAwarenessUpdate(document.awareness, present) });
    }
  }

  #frame(socket: FakeSocket, bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    const session = [...socket.sessions.values()].find((each) => each.document.number === frame.number);
    if (!session) {
      socket.send("error", { code: "UNKNOWN_CHANNEL", message: "unknown channel", retry: false });
      return;
    }
    const { document } = session;
    if (frame.type === "step1") {
      const body = Y.encodeStateAsUpdate(document.doc, frame.body);
      if (this.pieceBytes === null) session.send({ number: frame.number, type: "step2", body });
      else for (const piece of inPieces(frame.number, body, this.pieceBytes)) session.send(piece);
    } else if (frame.type === "awareness") {
      this.#presence(session, frame.body);
    } else if (frame.type === "step2" || frame.type === "update") {
      this.#update(session, frame.body);
    }
    this.#note({ kind: "frame", channel: document.name, frame, at: session.frames });
  }

  #update(session: FakeSession, update: Uint8Array): void {
    const { document } = session;
    session.frames += 1;
    const addsContent = addsTo(document.doc, update);
    const readOnly = { code: "READ_ONLY", message: "you may only read", retry: false };
    const cause =
      this.refuse(update, document) ?? (document.access === "read" && addsContent ? readOnly : null);
    if (cause) {
      session.socket.send("refused", { channel: document.name, update: session.frames, ...cause });
    } else {
      Y.applyUpdate(document.doc, update);
      if (addsContent) document.seq += 1;
      for (const other of document.sessions) {
        if (other !== session && addsContent)
          other.send({ number: document.number, type: "update", body: update });
      }
      if (document.doc.store.pendingStructs) {
        session.send({ number: document.number, type: "step1", body: Y.encodeStateVector(document.doc) });
      }
    }
    session.receipt();
  }

  #presence(session: FakeSession, update: Uint8Array): void {
    const { document, socket } = session;
    const forged = modifyAwarenessUpdate(
      update,
      (state: object | null) => state && { ...state, user: socket.principal },
    );
    const own = new Awareness(new Y.Doc());
    applyAwarenessUpdate(own, forged, null);
    for (const id of own.meta.keys()) if (id !== own.clientID) session.clients.add(id);
    own.destroy();
    applyAwarenessUpdate(document.awareness, forged, session);
    for (const other of document.sessions) {
      if (other !== session) other.send({ number: document.number, type: "awareness", body: forged });
    }
  }

  #leave(session: FakeSession): void {
    const { document, socket, clients } = session;
    document.sessions.delete(session);
    socket.sessions.delete(document.name);
    const present = [...clients].filter((id) => document.awareness.getStates().has(id));
    if (present.length === 0) return;
    removeAwarenessStates(document.awareness, present, session);
    const body = encodeAwarenessUpdate(document.awareness, present);
    for (const other of document.sessions) other.send({ number: document.number, type: "awareness", body });
  }

  #note(received: Received): void {
    this.received.push(received);
    this.#check();
  }

  #check(): void {
    for (const check of [...this.#waiters]) check();
  }
}

function listen(port: number): Promise<WebSocketServer> {
  return new Promise((resolve) => {
    const server: WebSocketServer = new WebSocketServer({ host: "127.0.0.1", port }, () => resolve(server));
  });
}

/** Whether an update has structs or deletions that a document lacks. */
function addsTo(doc: Y.Doc, update: Uint8Array): boolean {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
  let adds = false;
  copy.on("update", () => {
    adds = true;
  });
  Y.applyUpdate(copy, update);
  return adds || copy.store.pendingStructs !== null;
}
