import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** A frame of y-websocket's protocol (SPEC.md, Y2), read by the book and independently of y-websocket. */
export type Frame =
  | { readonly type: "step1" | "step2" | "update" | "awareness"; readonly body: Uint8Array }
  | { readonly type: "denied"; readonly reason: string };

const SYNC = ["step1", "step2", "update"] as const;

/** Reads one frame, and throws if it is not exactly one message. */
export function readFrame(frame: Uint8Array): Frame {
  const decoder = decoding.createDecoder(frame);
  const message = readMessage(decoder);
  if (decoding.hasContent(decoder)) throw new Error(`more than one message in a frame: ${frame}`);
  return message;
}

function readMessage(decoder: decoding.Decoder): Frame {
  const type = decoding.readVarUint(decoder);
  switch (type) {
    case 0: {
      const step = SYNC[decoding.readVarUint(decoder)];
      if (!step) throw new Error("no such sync message");
      return { type: step, body: decoding.readVarUint8Array(decoder) };
    }
    case 1:
      return { type: "awareness", body: decoding.readVarUint8Array(decoder) };
    case 2:
      if (decoding.readVarUint(decoder) !== 0) throw new Error("no such auth message");
      return { type: "denied", reason: decoding.readVarString(decoder) };
    default:
      throw new Error(`no such message: ${type}`);
  }
}

export function writeSync(step: (typeof SYNC)[number], body: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, 0);
  encoding.writeVarUint(encoder, SYNC.indexOf(step));
  encoding.writeVarUint8Array(encoder, body);
  return encoding.toUint8Array(encoder);
}

export const QUERY_AWARENESS = Uint8Array.of(3);
