import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import {
  type BodyType,
  decodeFrame,
  encodeFrame,
  FRAME_OVERHEAD_BYTES,
  type Frame,
  MalformedFrameError,
  type PieceFrame,
} from "../src/frames.js";
import { seededRandom } from "./support.js";

interface FrameVector {
  name: string;
  rule: string;
  hex: string;
  channel: number;
  type: Frame["type"];
  body?: string;
  through?: number;
  epoch?: number;
  seq?: number;
  of?: PieceFrame["of"];
  total?: number;
  inflated?: number;
}

function read<T>(file: string): T[] {
  return JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), "utf8")) as T[];
}

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function frameOf(vector: FrameVector): Frame {
  const { channel, type, body = "", through = 0, epoch = 0, seq = 0 } = vector;
  if (type === "receipt") return { number: channel, type, through, epoch, seq };
  if (type === "piece") {
    const { of = "update", total = 0, inflated = 0 } = vector;
    return { number: channel, type, of, total, inflated, body: bytes(body) };
  }
  return { number: channel, type, body: bytes(body) };
}

const vectors = read<FrameVector>("frames.json");
const malformed = read<{ name: string; rule: string; hex: string; reason: string }>("malformed.json");

describe("golden frames", () => {
  test.each(vectors.map((each) => [each.rule, each.name, each] as const))(
    "%s: %s",
    (_rule, _name, vector) => {
      expect(decodeFrame(bytes(vector.hex))).toEqual(frameOf(vector));
      expect(Buffer.from(encodeFrame(frameOf(vector))).toString("hex")).toBe(vector.hex);
    },
  );

  test("bodies of Yjs are what Yjs reads", () => {
    const doc = new Y.Doc();
    for (const { type, body, name } of vectors) {
      if ((type === "update" || type === "step2") && name.startsWith("update that"))
        Y.applyUpdate(doc, bytes(body ?? ""));
    }
    expect(doc.getText("text").toString()).toBe("i");
  });
});

describe("malformed frames", () => {
  test.each(malformed.map((each) => [each.rule, each.name, each] as const))(
    "%s: %s",
    (_rule, _name, { hex, reason }) => {
      expect(() => decodeFrame(bytes(hex))).toThrow(
        new MalformedFrameError(reason as MalformedFrameError["reason"]),
      );
    },
  );

  test("a frame inside a larger buffer is not read beyond its end", () => {
    const buffer = new Uint8Array([1, 2, 5, 1, 2, 3, 4, 5, 6, 7]);
    expect(() => decodeFrame(buffer.subarray(0, 5))).toThrow(new MalformedFrameError("unexpected-end"));
    expect(decodeFrame(buffer.subarray(0, 8))).toMatchObject({
      number: 1,
      body: new Uint8Array([1, 2, 3, 4, 5]),
    });
  });
});

describe("random frames", () => {
  const random = seededRandom(7);
  const below = (n: number): number => Math.floor(random() * n);
  const types: BodyType[] = ["step1", "step2", "update", "awareness"];

  test("survive the wire, within the overhead that is reckoned with", () => {
    for (let i = 0; i < 500; i++) {
      const body = Uint8Array.from({ length: below(300) }, () => below(256));
      const frame: Frame = { number: below(2 ** (1 + below(53))), type: types[below(4)] ?? "update", body };
      const encoded = encodeFrame(frame);
      expect(decodeFrame(encoded)).toEqual(frame);
      expect(encoded.byteLength).toBeLessThanOrEqual(body.byteLength + FRAME_OVERHEAD_BYTES);
    }
  });

  test("any bytes are a frame or a MalformedFrameError", () => {
    for (let i = 0; i < 2000; i++) {
      const garbage = Uint8Array.from({ length: below(24) }, () => below(random() < 0.5 ? 8 : 256));
      try {
        decodeFrame(garbage);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrameError);
      }
    }
  });
});
