import type { ClientOptions, ClientStatus, Principal, WebSocketConstructor, WebSocketLike } from "./api.js";
import { Retries, Timer } from "./backoff.js";
import { comeback, MALFORMED_FRAME } from "./close-codes.js";
import { clientError, type ErrorInfo, GlassBoxError, messageOf } from "./errors.js";
import { decodeFrame, type Frame } from "./frames.js";
import {
  type ClientPayloads,
  decodeMessage,
  encodeMessage,
  type Limits,
  PROTOCOL_VERSION,
  type ServerMessage,
  type ServerPayloads,
} from "./messages.js";
import { Subject } from "./observable.js";

/** How long a socket may take until the server's `welcome`. */
const WELCOME_TIMEOUT_MS = 15_000;

/** Code of a close that the client wants. */
const NORMAL_CLOSURE = 1000;

/** What a connection tells. */
export interface ConnectionListener {
  /** The server listens; what was subscribed on an earlier socket is not on this one. */
  welcomed(): void;
  message(message: ServerMessage): void;
  frame(frame: Frame): void;
  /** The welcomed socket is gone. */
  lost(): void;
  /** The page goes away: what waits must be sent now. */
  leaving(): void;
}

/**
 * The socket and its return: waiting → token → socket → welcome → lost → waiting …
 *
 * A browser shows no pings to the page, and the protocol has no message of the client for the purpose: that a socket
 * is dead is known from its `close` and from the browser's `offline` event, not from silence. The server ends a
 * silent socket itself (G4).
 */
export class Connection {
  readonly status = new Subject<ClientStatus>("connecting");
  readonly principal = new Subject<Principal | null>(null);
  readonly error = new Subject<ErrorInfo | null>(null);

  readonly #options: ClientOptions;
  readonly #listener: ConnectionListener;
  readonly #WebSocket: WebSocketConstructor;
  readonly #random: () => number;
  readonly #retries: Retries;
  readonly #events: EventTarget | undefined;
  readonly #retryTimer = new Timer();
  readonly #welcomeTimer = new Timer();
  readonly #stableTimer = new Timer();

  #socket: WebSocketLike | null = null;
  #limits: Limits | null = null;
  #attempt = 0;
  #requests = 0;
  #tokenRequest: string | null = null;
  #restartAfterMs: number | null = null;
  #wasConnected = false;
  #tokenWasRefused = false;
  #network: "up" | "down" = "up";
  #closed = false;

  constructor(options: ClientOptions, listener: ConnectionListener) {
    const Implementation = options.WebSocket ?? globalThis.WebSocket;
    if (Implementation === undefined) {
      const message = "This platform has no WebSocket: pass one as the option WebSocket";
      throw new GlassBoxError(clientError("NO_WEBSOCKET", message, "final"));
    }
    new URL(options.url); // throws here rather than at each attempt
    this.#options = options;
    this.#listener = listener;
    this.#WebSocket = Implementation;
    this.#random = options.random ?? Math.random;
    this.#retries = new Retries(this.#random, options.backoff);
    this.#events = options.events ?? platformEvents();
    for (const [type, handler] of this.#handlers) this.#events?.addEventListener(type, handler);
    if (!options.events && globalThis.navigator?.onLine === false) this.#network = "down";
    this.#disconnected();
    void this.#connect();
  }

  /** The server's limits; `null` while not connected. */
  get limits(): Limits | null {
    return this.#limits;
  }

  /** Bytes that the socket has taken and not sent yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends a message; does nothing while not connected. @returns the request's id */
  request<T extends keyof ClientPayloads>(type: T, payload: ClientPayloads[T]): string {
    const requestId = `${type}-${++this.#requests}`;
    if (this.#limits) this.#socket?.send(encodeMessage(type, payload, requestId));
    return requestId;
  }

  /** Sends a binary frame; does nothing while not connected. */
  sendFrame(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#limits) this.#socket?.send(bytes);
  }

  /** Connects anew now. */
  reconnect(): void {
    if (this.#closed) return;
    this.#drop(NORMAL_CLOSURE);
    this.#retries.reset();
    this.#tokenWasRefused = false;
    this.#disconnected();
    void this.#connect();
  }

  /** Ends the connection for good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [type, handler] of this.#handlers) this.#events?.removeEventListener(type, handler);
    this.#stop("closed", null);
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#retryTimer.stop();
    try {
      const token = await this.#options.token();
      if (attempt !== this.#attempt) return;
      if (token === null) {
        return this.#stop("unauthorized", clientError("UNAUTHORIZED", "There is no token: sign in", "final"));
      }
      this.#open(token);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#retry(clientError("TOKEN_FAILED", `No token could be had: ${messageOf(error)}`, "retry"));
    }
  }

  #open(token: string): void {
    const url = new URL(this.#options.url);
    url.searchParams.set("token", token);
    let socket: WebSocketLike;
    try {
      socket = new this.#WebSocket(url.href);
    } catch (error) {
      this.#retry(clientError("CONNECTION_LOST", messageOf(error), "retry"));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: { data: unknown }) => this.#received(event.data);
    socket.onclose = (event: { code: number; reason: string }) => this.#ended(event.code, event.reason);
    socket.onerror = ignore; // a close event follows
    this.#welcomeTimer.start(WELCOME_TIMEOUT_MS, () => {
      this.#drop(NORMAL_CLOSURE);
      this.#retry(clientError("CONNECTION_LOST", "The server did not answer in time", "retry"));
    });
  }

  #received(data: unknown): void {
    let message: ServerMessage | null = null;
    let frame: Frame | null = null;
    try {
      if (typeof data === "string") message = decodeMessage(data);
      else if (data instanceof ArrayBuffer) frame = decodeFrame(new Uint8Array(data));
    } catch (error) {
      this.violated(messageOf(error));
      return;
    }
    if (this.#limits === null && message?.type !== "welcome") {
      this.violated("the first message is no welcome");
      return;
    }
    if (frame) this.#listener.frame(frame);
    if (message) this.#handle(message);
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.#welcomed(message.payload);
        return;
      case "token_expiring":
        void this.#renew();
        return;
      case "token_accepted":
        return;
      case "restarting":
        this.#restartAfterMs = message.payload.reconnectAfterMs;
        return;
      case "error":
        // An INVALID_TOKEN here leaves the old authority; when that ends, the socket closes with 4501 (G19).
        if (message.requestId === undefined || message.requestId === this.#tokenRequest) {
          const isLate = message.payload.cause.code === "UNKNOWN_CHANNEL"; // crossed with an `unsubscribed`
          if (!isLate) this.error.set(message.payload.cause);
          return;
        }
    }
    this.#listener.message(message);
  }

  #welcomed(welcome: ServerPayloads["welcome"]): void {
    this.#welcomeTimer.stop();
    if (welcome.protocol !== PROTOCOL_VERSION) {
      const message = `The server speaks version ${welcome.protocol} of the protocol, this client ${PROTOCOL_VERSION}`;
      this.#stop("closed", clientError("UNSUPPORTED_PROTOCOL", message, "final"));
      return;
    }
    this.#limits = welcome.limits;
    this.#wasConnected = true;
    this.#tokenWasRefused = false;
    this.#network = "up";
    this.#stableTimer.start(this.#retries.bounds.maxMs, () => this.#retries.reset());
    this.principal.set(welcome.principal);
    this.error.set(null);
    this.status.set("connected");
    this.#listener.welcomed();
  }

  /** Brings a new token before the old one runs out (G19). */
  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    try {
      const token = await this.#options.token();
      if (attempt !== this.#attempt || token === null) return;
      this.#tokenRequest = this.request("token", { token });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.error.set(clientError("TOKEN_FAILED", `No new token could be had: ${messageOf(error)}`, "retry"));
    }
  }

  #ended(code: number, reason: string): void {
    const wasWelcomed = this.#limits !== null;
    this.#drop(null);
    const why = reason === "" ? `code ${code}` : `code ${code}: ${reason}`;
    const next = comeback(code);
    if (next === "never") {
      const status = code === 4403 ? "unauthorized" : "closed";
      this.#stop(
        status,
        clientError("CONNECTION_LOST", `The server closed the connection (${why})`, "final"),
      );
      return;
    }
    if (next === "with-a-new-token" && !wasWelcomed) {
      if (this.#tokenWasRefused) {
        const message = "The server does not accept the token: sign in anew";
        this.#stop("unauthorized", clientError("UNAUTHORIZED", message, "final"));
        return;
      }
      this.#tokenWasRefused = true;
    }
    this.#retry(clientError("CONNECTION_LOST", `The connection was lost (${why})`, "retry"));
  }

  /** The server broke the protocol: the socket is closed, and another one opened later. */
  violated(message: string): void {
    this.#drop(MALFORMED_FRAME);
    this.#retry(clientError("PROTOCOL_VIOLATION", `The server broke the protocol: ${message}`, "retry"));
  }

  #retry(error: ErrorInfo): void {
    this.error.set(error);
    this.#disconnected();
    this.#retryTimer.start(this.#delay(), () => void this.#connect());
  }

  #delay(): number {
    const restartAfterMs = this.#restartAfterMs;
    this.#restartAfterMs = null;
    if (restartAfterMs !== null) return restartAfterMs * (1 + this.#random());
    // A browser's "offline" may be wrong (virtual networks, a server on this machine): go on, but rarely.
    return this.#network === "down" ? this.#retries.bounds.maxMs : this.#retries.next();
  }

  #disconnected(): void {
    if (this.#network === "down") this.status.set("offline");
    else this.status.set(this.#wasConnected ? "reconnecting" : "connecting");
  }

  /** Stops until {@link reconnect}. */
  #stop(status: "unauthorized" | "closed", error: ErrorInfo | null): void {
    this.#drop(NORMAL_CLOSURE);
    this.#restartAfterMs = null;
    this.error.set(error);
    this.status.set(status);
  }

  /** Lets go of the socket and of every timer and attempt: nothing of them can come later. */
  #drop(closeCode: number | null): void {
    this.#attempt += 1;
    for (const timer of [this.#retryTimer, this.#welcomeTimer, this.#stableTimer]) timer.stop();
    const [socket, wasWelcomed] = [this.#socket, this.#limits !== null];
    this.#socket = null;
    this.#limits = null;
    if (socket) {
      socket.onmessage = null;
      socket.onclose = null;
      if (closeCode !== null) socket.close(closeCode);
    }
    if (wasWelcomed) this.#listener.lost();
  }

  readonly #handlers: [string, (event: Event) => void][] = [
    ["online", () => this.#networkUp()],
    ["offline", () => this.#networkDown()],
    ["pagehide", () => this.#pageHidden()],
    ["pageshow", (event) => this.#pageShown(event)],
  ];

  get #isStopped(): boolean {
    return this.status.value === "unauthorized" || this.status.value === "closed";
  }

  #networkUp(): void {
    this.#network = "up";
    if (this.#limits === null && !this.#isStopped) this.reconnect();
  }

  #networkDown(): void {
    this.#network = "down";
    if (this.#isStopped) return;
    this.#drop(NORMAL_CLOSURE);
    this.#retry(clientError("CONNECTION_LOST", "There is no network", "retry"));
  }

  /** The socket is closed at once, so that the others see us leave (P5); a page may come back from the browser's cache. */
  #pageHidden(): void {
    if (this.#isStopped) return;
    this.#listener.leaving();
    this.#drop(NORMAL_CLOSURE);
    this.#disconnected();
  }

  #pageShown(event: Event): void {
    if ("persisted" in event && event.persisted === true && !this.#isStopped) this.reconnect();
  }
}

function ignore(): void {}

function platformEvents(): EventTarget | undefined {
  return typeof globalThis.addEventListener === "function" ? globalThis : undefined;
}
