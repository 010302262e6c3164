import type { Connection } from "./connection.js";
import { clientError, type ErrorInfo, GlassBoxError } from "./errors.js";
import type { ClientPayloads, HeldLock, ServerMessage } from "./messages.js";

/** Options of `client.acquireLock`. */
export interface AcquireLockOptions {
  /** If somebody else holds it: tell the user by a notification once it is free. Default false. */
  readonly notify?: boolean;
}

/** Somebody else holds the lock. */
export class LockHeldError extends GlassBoxError {
  /** Theirs. */
  readonly lock: HeldLock;

  constructor(info: ErrorInfo, lock: HeldLock) {
    super(info);
    this.name = "LockHeldError";
    this.lock = lock;
  }
}

interface Pending {
  resolve(lock: HeldLock | null): void;
  reject(error: GlassBoxError): void;
}

/** Takes and gives back the locks of nodes, over one connection (SPEC.md, G26–G27). */
export class Locks {
  readonly #connection: () => Connection;
  /** By the request's id. */
  readonly #pending = new Map<string, Pending>();

  constructor(connection: () => Connection) {
    this.#connection = connection;
  }

  async acquire(nodeId: string, { notify = false }: AcquireLockOptions): Promise<HeldLock> {
    const lock = await this.#ask("lock_acquire", { nodeId, ...(notify ? { notify } : {}) });
    if (lock === null) throw new GlassBoxError(clientError("PROTOCOL_VIOLATION", "No lock came", "final"));
    return lock;
  }

  async release(nodeId: string): Promise<void> {
    await this.#ask("lock_release", { nodeId });
  }

  message(message: ServerMessage): void {
    const pending = message.requestId === undefined ? undefined : this.#pending.get(message.requestId);
    if (!pending || message.requestId === undefined) return;
    switch (message.type) {
      case "lock_acquired":
        // As an event it has no request's id.
        pending.resolve("holder" in message.payload ? (message.payload as HeldLock) : null);
        break;
      case "lock_released":
        pending.resolve(null);
        break;
      case "error": {
        const { cause, lock } = message.payload;
        pending.reject(lock ? new LockHeldError(cause, lock) : new GlassBoxError(cause));
        break;
      }
      default:
        return;
    }
    this.#pending.delete(message.requestId);
  }

  /** Nobody will answer what was asked. */
  lost(): void {
    const lost = clientError(
      "CONNECTION_LOST",
      "The connection was lost before the server answered",
      "final",
    );
    for (const { reject } of this.#pending.values()) reject(new GlassBoxError(lost));
    this.#pending.clear();
  }

  #ask<T extends "lock_acquire" | "lock_release">(
    type: T,
    payload: ClientPayloads[T],
  ): Promise<HeldLock | null> {
    const connection = this.#connection();
    if (connection.limits === null) {
      const message = "Locks can be taken and given back while connected only";
      return Promise.reject(new GlassBoxError(clientError("CONNECTION_LOST", message, "final")));
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(connection.request(type, payload), { resolve, reject });
    });
  }
}
