/** Binary frames of the dialect `/ws` (SPEC.md, G11): `varuint number`, `varuint type`, body; one message per frame. */

import * as encoding from "lib0/encoding";

/** Bytes that a frame may have besides its body: two varuints and a length, of at most 8 bytes each. */
export const FRAME_OVERHEAD_BYTES = 24;

const TYPES = { step1: 0, step2: 1, update: 2, awareness: 3, receipt: 4, piece: 5 } as const;

/** Type of a frame whose body is a varbuf. */
export type BodyType = Exclude<keyof typeof TYPES, "receipt" | "piece">;

/** A frame that carries bytes of Yjs. */
export interface BodyFrame {
  /** Names the channel (G6). */
  readonly number: number;
  readonly type: BodyType;
  /** State vector, update or awareness update, as the type says. */
  readonly body: Uint8Array;
}

/** The server's word that frames are durable (G13). */
export interface ReceiptFrame {
  readonly number: number;
  readonly type: "receipt";
  /** The last of our frames that is covered. */
  readonly through: number;
  readonly epoch: number;
  /** Highest place in the log among the covered frames. */
  readonly seq: number;
}

/** A part of the body of a step 2 or update of the server (G24). */
export interface PieceFrame {
  readonly number: number;
  readonly type: "piece";
  /** What the pieces make up. */
  readonly of: "step2" | "update";
  /** Bytes of the whole body. */
  readonly total: number;
  /** 0: the bytes are as they are. Otherwise they are compressed (zlib, RFC 1950), and so many when they are inflated. */
  readonly inflated: number;
  readonly body: Uint8Array;
}

/** A decoded binary frame. */
export type Frame = BodyFrame | ReceiptFrame | PieceFrame;

/** Why bytes are no frame. The names are those of the vectors. */
export type MalformedReason = "unexpected-end" | "integer-too-large" | "trailing-bytes" | "unknown-type";

/** Bytes that are no frame. */
export class MalformedFrameError extends Error {
  constructor(readonly reason: MalformedReason) {
    super(`malformed frame: ${reason}`);
    this.name = "MalformedFrameError";
  }
}

/** Encodes a frame into bytes of its own. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, frame.number);
  encoding.writeVarUint(encoder, TYPES[frame.type]);
  if (frame.type === "receipt") {
    encoding.writeVarUint(encoder, frame.through);
    encoding.writeVarUint(encoder, frame.epoch);
    encoding.writeVarUint(encoder, frame.seq);
  } else {
    if (frame.type === "piece") {
      encoding.writeVarUint(encoder, TYPES[frame.of]);
      encoding.writeVarUint(encoder, frame.total);
      encoding.writeVarUint(encoder, frame.inflated);
    }
    encoding.writeVarUint8Array(encoder, frame.body);
  }
  return encoding.toUint8Array(encoder) as Uint8Array<ArrayBuffer>;
}

/**
 * Decodes one frame; every byte must belong to it. The body is a view into `bytes`.
 * @throws MalformedFrameError
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new Reader(bytes);
  const number = reader.varUint();
  const frame = readBody(reader, number, reader.varUint());
  reader.finish();
  return frame;
}

function readBody(reader: Reader, number: number, type: number): Frame {
  switch (type) {
    case TYPES.step1:
      return { number, type: "step1", body: reader.varBuf() };
    case TYPES.step2:
      return { number, type: "step2", body: reader.varBuf() };
    case TYPES.update:
      return { number, type: "update", body: reader.varBuf() };
    case TYPES.awareness:
      return { number, type: "awareness", body: reader.varBuf() };
    case TYPES.receipt: {
      const [through, epoch, seq] = [reader.varUint(), reader.varUint(), reader.varUint()];
      return { number, type: "receipt", through, epoch, seq };
    }
    case TYPES.piece:
      return readPiece(reader, number);
    default:
      throw new MalformedFrameError("unknown-type");
  }
}

function readPiece(reader: Reader, number: number): PieceFrame {
  const type = reader.varUint();
  if (type !== TYPES.step2 && type !== TYPES.update) throw new MalformedFrameError("unknown-type");
  const of = type === TYPES.step2 ? "step2" : "update";
  const [total, inflated] = [reader.varUint(), reader.varUint()];
  return { number, type: "piece", of, total, inflated, body: reader.varBuf() };
}

/** Reads lib0 values strictly: lib0's own decoder reads beyond a view's end, and integers of more than 53 bits. */
class Reader {
  #position = 0;

  constructor(readonly bytes: Uint8Array) {}

  varUint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.#position++];
      if (byte === undefined) throw new MalformedFrameError("unexpected-end");
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 128 ** 7)
        throw new MalformedFrameError("integer-too-large");
      if (byte < 0x80) return value;
    }
  }

  varBuf(): Uint8Array {
    const length = this.varUint();
    const start = this.#position;
    if (length > this.bytes.byteLength - start) throw new MalformedFrameError("unexpected-end");
    this.#position += length;
    return this.bytes.subarray(start, start + length);
  }

  finish(): void {
    if (this.#position < this.bytes.byteLength) throw new MalformedFrameError("trailing-bytes");
  }
}
