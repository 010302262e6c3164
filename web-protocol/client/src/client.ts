import type { ClientOptions, ClientStatus, OpenOptions, Principal, Provider } from "./api.js";
import { Retries } from "./backoff.js";
import { Channels } from "./channels.js";
import { Connection } from "./connection.js";
import { clientError, type ErrorInfo, GlassBoxError } from "./errors.js";
import { EventChannels, type EventListener } from "./event-channels.js";
import { type AcquireLockOptions, Locks } from "./locks.js";
import type { HeldLock } from "./messages.js";
import type { Observable } from "./observable.js";
import { DEFAULT_PREFIX, LocalStore } from "./persistence.js";
import { DocumentProvider } from "./provider.js";

/** Bounds of the delay before an edit that was refused for now is offered again. */
const REOFFER_BACKOFF = { minMs: 1000, maxMs: 30_000 };

/** One connection to a GlassBox server, shared by all documents that are opened through it. */
export class GlassBoxClient {
  readonly #options: ClientOptions;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #eventChannels: EventChannels;
  readonly #locks: Locks;
  readonly #providers = new Map<string, DocumentProvider>();
  readonly #stores = new Map<string, Promise<LocalStore>>();
  /** Detached providers whose local copies are still being written. */
  readonly #closing = new Set<Promise<void>>();
  #closed: Promise<void> | null = null;

  /** Connects at once. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#channels = new Channels(
      () => this.#connection,
      () => new Retries(this.#random, options.backoff),
    );
    this.#eventChannels = new EventChannels(
      () => this.#connection,
      () => new Retries(this.#random, options.backoff),
    );
    this.#locks = new Locks(() => this.#connection);
    this.#connection = new Connection(options, {
      welcomed: () => {
        this.#channels.welcomed();
        this.#eventChannels.welcomed();
      },
      message: (message) => {
        this.#channels.message(message);
        this.#eventChannels.message(message);
        this.#locks.message(message);
      },
      frame: (frame) => this.#channels.frame(frame),
      lost: () => {
        this.#channels.lost();
        this.#eventChannels.lost();
        this.#locks.lost();
      },
      leaving: () => {
        for (const provider of this.#providers.values()) provider.flush();
      },
    });
  }

  /** State of the connection. */
  get status(): Observable<ClientStatus> {
    return this.#connection.status;
  }

  /** Who we are, from the server; kept while reconnecting. */
  get principal(): Observable<Principal | null> {
    return this.#connection.principal;
  }

  /** Why we are not connected, or `null`. */
  get error(): Observable<ErrorInfo | null> {
    return this.#connection.error;
  }

  /**
   * Opens a document. The same name again gives the same provider; each `open` needs one `close`.
   * @throws GlassBoxError `ALREADY_OPEN`, `UNKNOWN_EPOCH` or `CLOSED`
   */
  open(name: string, options: OpenOptions = {}): Provider {
    if (this.#closed) throw new GlassBoxError(clientError("CLOSED", "The client is closed", "final"));
    const existing = this.#providers.get(name);
    if (existing) {
      if (options.doc && options.doc !== existing.doc) {
        const message = `${name} is open with another Y.Doc; wait for the promise of its provider's close()`;
        throw new GlassBoxError(clientError("ALREADY_OPEN", message, "final"));
      }
      existing.retain();
      return existing;
    }
    const provider = new DocumentProvider(name, options, {
      channels: this.#channels,
      retries: () => new Retries(this.#random, REOFFER_BACKOFF),
      localStore: this.#localStore(options.persistence),
      detached: (detached) => this.#detached(detached),
    });
    this.#providers.set(name, provider);
    return provider;
  }

  /**
   * Hears of what happens in a project (`project:<uuid>`), at a node (`node:<uuid>`), or for the user alone (`user`).
   * @returns a function that ends it
   */
  listen(subject: `project:${string}` | `node:${string}` | "user", listener: EventListener): () => void {
    if (this.#closed) throw new GlassBoxError(clientError("CLOSED", "The client is closed", "final"));
    return this.#eventChannels.listen(subject, listener);
  }

  /**
   * Takes the lock of a node, or makes it last longer. The node's document (`node:<nodeId>`) must be open and synced; the
   * lock ends some minutes after its holder was last active there, and with the holder's last connection to it.
   * @throws LockHeldError when somebody else holds it
   * @throws GlassBoxError `NOT_SUBSCRIBED`, `READ_ONLY`, `CONNECTION_LOST`
   */
  acquireLock(nodeId: string, options: AcquireLockOptions = {}): Promise<HeldLock> {
    return this.#locks.acquire(nodeId, options);
  }

  /**
   * Gives the lock of a node back.
   * @throws GlassBoxError `LOCK_NOT_HELD`, `CONNECTION_LOST`
   */
  releaseLock(nodeId: string): Promise<void> {
    return this.#locks.release(nodeId);
  }

  /** Connects anew now: after a sign-in, or when the user does not want to wait. */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /**
   * Detaches all documents and closes the connection for good. Edits that are not saved yet stay in their documents
   * and local copies: wait for `provider.whenSaved()` first where that matters.
   * @returns a promise that resolves when the local copies are written and let go of
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = [...this.#providers.values()].map((provider) => {
      provider.detach();
      return provider.close();
    });
    this.#connection.close();
    await Promise.all([...closed, ...this.#closing]);
    for (const store of await Promise.allSettled(this.#stores.values())) {
      if (store.status === "fulfilled") store.value.close();
    }
  }

  #detached(provider: DocumentProvider): void {
    this.#providers.delete(provider.name);
    const closing = provider.close();
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  get #random(): () => number {
    return this.#options.random ?? Math.random;
  }

  #localStore(persistence: OpenOptions["persistence"]): (() => Promise<LocalStore>) | null {
    if (!persistence) return null;
    const prefix = (persistence === true ? undefined : persistence.prefix) ?? DEFAULT_PREFIX;
    return () => {
      const store = this.#stores.get(prefix) ?? LocalStore.open(prefix, this.#random);
      this.#stores.set(prefix, store);
      return store;
    };
  }
}
