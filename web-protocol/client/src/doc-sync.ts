import * as Y from "yjs";

import { type Retries, Timer } from "./backoff.js";
import type { ChannelLink } from "./channels.js";
import { clientError, type ErrorInfo, messageOf } from "./errors.js";
import { report } from "./observable.js";
import { cut, OversizedItemError } from "./pieces.js";
import { placeOf } from "./place.js";
import type { SavedEvent } from "./saved-state.js";

/** Bytes in the socket's buffer above which edits wait, to be merged into fewer updates. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** How long to wait for the socket's buffer to drain. */
const DRAIN_INTERVAL_MS = 20;
/** Edits that wait as updates of their own; beyond, they are merged. */
const MAX_WAITING_UPDATES = 1000;
/** The size that pieces of an answer have, unless an item is larger: small enough to leave others their turn. */
const PIECE_BYTES = 1024 * 1024;
/** How long after an edit what was refused is offered again with it, perhaps mended. */
const REOFFER_AFTER_EDIT_MS = 1000;

/** What a {@link DocSync} works with. */
export interface DocSyncOptions {
  readonly doc: Y.Doc;
  /** Origin of the transactions that apply the server's updates. */
  readonly origin: object;
  /** Whether a transaction with this origin is not an edit made here. */
  readonly isForeign: (origin: unknown) => boolean;
  readonly dispatch: (event: SavedEvent) => void;
  /** Delays before something that was refused for now is offered again. */
  readonly retries: Retries;
  /** Attaches anew, after which the server says again what it has. */
  readonly reopen: () => void;
  readonly failed: (error: ErrorInfo) => void;
}

/**
 * - `detached`: edits are part of the document, and of the next answer
 * - `handshake`: attached; the server's step 1 is not here yet, and edits wait for the answer to it
 * - `answering`: the answer goes in pieces, the next when the server has saved the last; edits wait for its end
 * - `live`: edits are sent as updates
 * - `holding`: something was refused; what follows builds upon it, so that it is offered as a whole, later
 * - `read-only`: edits would be refused
 */
type Mode = "detached" | "handshake" | "answering" | "live" | "holding" | "read-only";

/** Syncs one Y.Doc over one channel at a time (SPEC.md, G12–G15). */
export class DocSync {
  readonly #options: DocSyncOptions;
  readonly #doc: Y.Doc;
  readonly #timer = new Timer();

  #mode: Mode = "detached";
  #link: ChannelLink | null = null;
  /** The state vector of the server's last step 1. */
  #serverVector: Uint8Array | null = null;
  #framesSent = 0;
  /** What is left to send of the answer. */
  #pieces: Iterator<Uint8Array, Uint8Array> | null = null;
  /** Something was offered since we attached, so that the server may have more than its last step 1 says. */
  #hasOffered = false;
  #waiting: { update: Uint8Array; edits: number }[] = [];
  #flushIsDue = false;
  #askedFor = "";

  constructor(options: DocSyncOptions) {
    this.#options = options;
    this.#doc = options.doc;
    this.#doc.on("update", this.#edited);
  }

  /** Starts the handshake on a channel that was just subscribed. */
  attach(link: ChannelLink, access: "write" | "read"): void {
    this.detach();
    this.#link = link;
    this.#mode = access === "write" ? "handshake" : "read-only";
    link.send("step1", Y.encodeStateVector(this.#doc));
  }

  detach(): void {
    this.#timer.stop();
    this.#mode = "detached";
    this.#link = null;
    this.#serverVector = null;
    this.#framesSent = 0;
    this.#pieces = null;
    this.#hasOffered = false;
    this.#waiting = [];
    this.#askedFor = "";
  }

  /** Lets go of the document. */
  destroy(): void {
    this.detach();
    this.#doc.off("update", this.#edited);
  }

  /** The server's step 1: answered always, even when there is nothing to add (G12). */
  answer(serverVector: Uint8Array): void {
    this.#serverVector = serverVector.slice(); // a view into the frame, which may be large
    // The step 2 at the end of the pieces that are on their way answers this one as well.
    if (this.#mode !== "answering") this.#sendAnswer();
  }

  /** The frames up to this one are saved, or were refused (G13). */
  receipted(through: number): void {
    if (this.#mode === "answering" && through >= this.#framesSent) this.#sendPiece();
  }

  /** Applies a step 2 or an update of the server. @returns whether the document has it */
  apply(update: Uint8Array): boolean {
    let isApplied = false;
    try {
      const origin = this.#options.origin;
      const applying = (): void => {
        Y.applyUpdate(this.#doc, update, origin);
        isApplied = true;
      };
      Y.transact(this.#doc, applying, origin, false);
    } catch (error) {
      // Where an observer threw, the document is whole.
      if (isApplied) report(error);
      else this.#failed("APPLY_FAILED", `An update was not applied: ${messageOf(error)}`);
    }
    this.#askForGap();
    return isApplied;
  }

  /** One of our frames was refused (G15). */
  refused(cause: ErrorInfo): void {
    const wereWaiting = this.#hold();
    if (cause.retry) this.#offerLater(this.#options.retries.next());
    else if (wereWaiting) this.#offerLater(REOFFER_AFTER_EDIT_MS);
  }

  /** The server can save again: what it refused for now is offered at once. */
  resumed(): void {
    if (this.#mode === "holding") this.#sendAnswer();
  }

  /** Sends what waits now, whatever the socket's buffer holds. */
  flush(): void {
    this.#flushIsDue = false;
    if (this.#mode !== "live" || !this.#link) return;
    this.#waiting = merged(this.#waiting, this.#link);
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (!this.#link.fits(next.update.byteLength)) {
        // Once the server has said again what it has, the answer to that is this edit, in pieces.
        this.#options.reopen();
        return;
      }
      this.#link.send("update", next.update);
      this.#options.dispatch({ type: "sent", frame: ++this.#framesSent, edits: next.edits });
    }
  }

  readonly #edited = (update: Uint8Array, origin: unknown): void => {
    if (origin === this.#options.origin || this.#options.isForeign(origin)) return;
    this.#options.dispatch({ type: "edited" });
    if (this.#mode === "live" || this.#mode === "answering") this.#enqueue(update);
    if (this.#mode === "holding" && !this.#timer.running) this.#offerLater(REOFFER_AFTER_EDIT_MS);
  };

  /** Sends no updates until everything is offered anew. @returns whether some were waiting */
  #hold(): boolean {
    const wereWaiting = this.#waiting.length > 0;
    this.#waiting = [];
    this.#pieces = null;
    if (this.#mode !== "read-only") this.#mode = "holding";
    return wereWaiting;
  }

  #offerLater(delayMs: number): void {
    this.#timer.start(delayMs, () => this.#sendAnswer());
  }

  #enqueue(update: Uint8Array): void {
    if (this.#waiting.length >= MAX_WAITING_UPDATES) this.#waiting = [mergedIntoOne(this.#waiting)];
    this.#waiting.push({ update, edits: 1 });
    if (this.#flushIsDue || this.#timer.running) return;
    this.#flushIsDue = true;
    queueMicrotask(() => this.#flushWhenDrained());
  }

  #flushWhenDrained(): void {
    if (this.#link && this.#link.bufferedBytes > MAX_BUFFERED_BYTES) {
      this.#flushIsDue = false;
      this.#timer.start(DRAIN_INTERVAL_MS, () => this.#flushWhenDrained());
      return;
    }
    this.flush();
  }

  /** Step 2: everything that the server lacked at its last step 1, which includes whatever waits. */
  #sendAnswer(): void {
    if (!this.#link || !this.#serverVector) return;
    this.#timer.stop();
    this.#waiting = [];
    let update: Uint8Array;
    try {
      update = Y.encodeStateAsUpdate(this.#doc, this.#serverVector);
    } catch (error) {
      this.#failed("PROTOCOL_VIOLATION", `A state vector cannot be read: ${messageOf(error)}`);
      return;
    }
    if (this.#link.fits(update.byteLength)) this.#sendStep2(update);
    else if (this.#mode === "read-only") this.#withhold(READ_ONLY);
    // Without what the server took since its step 1, it may fit.
    else if (this.#hasOffered) this.#options.reopen();
    else this.#sendInPieces(update, this.#link.maxUpdateBytes);
  }

  #sendStep2(update: Uint8Array): void {
    this.#link?.send("step2", update);
    this.#hasOffered = true;
    if (this.#mode !== "read-only") this.#mode = "live";
    this.#options.dispatch({ type: "answered", frame: ++this.#framesSent });
  }

  /** Answers with updates, and a step 2 at the end (G12). */
  #sendInPieces(update: Uint8Array, limit: number): void {
    this.#mode = "answering";
    this.#hasOffered = true;
    this.#options.dispatch({ type: "answering" });
    this.#pieces = cut(update, { limit, target: Math.min(limit, PIECE_BYTES) });
    this.#sendPiece();
  }

  /** One piece at a time, for the server puts off what comes faster than it can be saved. */
  #sendPiece(): void {
    const next = this.#nextPiece();
    if (next?.done) {
      this.#pieces = null;
      this.#sendStep2(next.value);
      this.flush();
    } else if (next) {
      this.#link?.send("update", next.value);
      this.#framesSent += 1;
    }
  }

  #nextPiece(): IteratorResult<Uint8Array, Uint8Array> | null {
    try {
      return this.#pieces?.next() ?? null;
    } catch (error) {
      if (!(error instanceof OversizedItemError)) throw error;
      this.#withhold(oversized(error, this.#doc, this.#link?.maxUpdateBytes ?? 0));
      return null;
    }
  }

  /** Does not send what the server would close the socket for (close code 1009). */
  #withhold(cause: ErrorInfo): void {
    this.#options.dispatch({ type: "withheld", cause });
    if (this.#hold()) this.#offerLater(REOFFER_AFTER_EDIT_MS);
  }

  #failed(code: "APPLY_FAILED" | "PROTOCOL_VIOLATION", message: string): void {
    this.#options.failed(clientError(code, message, "final"));
  }

  /** Updates whose predecessors are missing show nothing until these come: asks for them, once for each gap. */
  #askForGap(): void {
    const missing = this.#doc.store.pendingStructs?.missing;
    const gap = missing ? JSON.stringify([...missing]) : "";
    if (gap === this.#askedFor) return;
    this.#askedFor = gap;
    if (gap !== "") this.#link?.send("step1", Y.encodeStateVector(this.#doc));
  }
}

const READ_ONLY: ErrorInfo = { code: "READ_ONLY", message: "You may only view this", retry: false };

function oversized({ id, bytes }: OversizedItemError, doc: Y.Doc, limit: number): ErrorInfo {
  const message =
    `What “${placeOf(doc, id)}” holds has ${megabytes(bytes)}, and the server takes ${megabytes(limit)} at once: ` +
    "make it smaller, or undo it";
  return { code: "UPDATE_TOO_LARGE", message, retry: false };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString("en", { maximumSignificantDigits: 3 })} MB`;
}

type Waiting = { update: Uint8Array; edits: number };

/** One update where the server takes it, otherwise each by itself. */
function merged(waiting: Waiting[], link: ChannelLink): Waiting[] {
  if (waiting.length <= 1) return waiting;
  const bytes = waiting.reduce((sum, each) => sum + each.update.byteLength, 0);
  return link.fits(bytes) ? [mergedIntoOne(waiting)] : waiting;
}

function mergedIntoOne(waiting: Waiting[]): Waiting {
  return {
    update: Y.mergeUpdates(waiting.map((each) => each.update)),
    edits: waiting.reduce((sum, each) => sum + each.edits, 0),
  };
}
