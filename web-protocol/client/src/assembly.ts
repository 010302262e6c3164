/**
 * Puts messages that come in pieces together again (SPEC.md, G24).
 *
 * Inflating is asynchronous in browsers. What belongs to the document is handed on in the order in which it came;
 * the rest (presence, receipts, the server's questions) does not wait.
 */

import type { LoadProgress } from "./api.js";
import { messageOf } from "./errors.js";
import type { BodyFrame, Frame, PieceFrame } from "./frames.js";

/** The largest message that is put together. */
export const MAX_MESSAGE_BYTES = 1 << 30;
/** How much of its message a piece may hold. */
export const MAX_PIECE_BYTES = 1 << 20;

/** Whether this platform can inflate. */
export const CAN_INFLATE = typeof globalThis.DecompressionStream === "function";

/** A frame that is no piece. */
export type WholeFrame = Exclude<Frame, PieceFrame>;

/** What an {@link Assembly} works with. */
export interface AssemblyOptions {
  readonly receive: (frame: WholeFrame) => void;
  /** A piece has come; `null`: the message is whole. */
  readonly progressed: (progress: LoadProgress | null) => void;
  /** The server broke the protocol; nothing follows. */
  readonly violated: (message: string) => void;
}

/** A message of which pieces have come. */
interface Message {
  readonly number: number;
  readonly of: BodyFrame["type"];
  readonly total: number;
  readonly parts: Uint8Array[];
  received: number;
}

/** Takes the frames of one subscription. */
export class Assembly {
  readonly #options: AssemblyOptions;
  /** What belongs to the document and is not handed on yet. */
  readonly #waiting: (BodyFrame | PieceFrame)[] = [];
  #message: Message | null = null;
  #isWorking = false;
  #isStopped = false;

  constructor(options: AssemblyOptions) {
    this.#options = options;
  }

  take(frame: Frame): void {
    if (this.#isStopped) return;
    if (frame.type !== "piece" && frame.type !== "step2" && frame.type !== "update") {
      this.#options.receive(frame);
      return;
    }
    this.#waiting.push(frame);
    if (!this.#isWorking) void this.#work();
  }

  /** Nothing is handed on any more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.length = 0;
    this.#message = null;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const whole = next.type === "piece" ? await this.#withPiece(next) : next;
      if (whole && !this.#isStopped) this.#options.receive(whole);
    }
    this.#isWorking = false;
  }

  /** @returns the message, if this is its last piece */
  async #withPiece(piece: PieceFrame): Promise<BodyFrame | null> {
    try {
      const size = piece.inflated || piece.body.byteLength;
      if (piece.total > MAX_MESSAGE_BYTES || size > MAX_PIECE_BYTES) throw new Error("it is too large");
      const bytes = piece.inflated === 0 ? piece.body : await inflate(piece.body, size);
      return this.#isStopped ? null : this.#add(piece, bytes);
    } catch (error) {
      if (this.#isStopped) return null;
      this.stop();
      this.#options.violated(`a piece cannot be read: ${messageOf(error)}`);
      return null;
    }
  }

  #add({ number, of, total }: PieceFrame, bytes: Uint8Array): BodyFrame | null {
    const message = this.#message ?? { number, of, total, parts: [], received: 0 };
    if (message.of !== of || message.total !== total) throw new Error("it is of another message");
    message.parts.push(bytes);
    message.received += bytes.byteLength;
    if (message.received > total || bytes.byteLength === 0) throw new Error("its message has other bytes");
    const isWhole = message.received === total;
    this.#message = isWhole ? null : message;
    this.#options.progressed(isWhole ? null : { received: message.received, total });
    return isWhole ? { number, type: of, body: joined(message.parts, total) } : null;
  }
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** Inflates what must become `size` bytes, and no more of it than that. */
async function inflate(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // What fails here fails at the reader, too.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(ignore);
  writer.close().catch(ignore);
  const reader = stream.readable.getReader();
  const inflated = new Uint8Array(size);
  let at = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (read.value.byteLength > size - at) {
      reader.cancel().catch(ignore);
      throw new Error("it inflates to more than it says");
    }
    inflated.set(read.value, at);
    at += read.value.byteLength;
  }
  if (at < size) throw new Error("it inflates to less than it says");
  return inflated;
}

function ignore(): void {}
