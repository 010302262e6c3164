import { deflateSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import type { LoadProgress } from "../src/api.js";
import { Assembly, MAX_MESSAGE_BYTES, MAX_PIECE_BYTES, type WholeFrame } from "../src/assembly.js";
import { type BodyFrame, encodeFrame, type PieceFrame } from "../src/frames.js";
import { inPieces } from "./fake-server.js";
import { connect, seededRandom, startServer, textOf, type, until, untilDocs } from "./support.js";

const NAME = "node:88888888-8888-4888-8888-888888888888";
const UPDATE: BodyFrame = { number: 1, type: "update", body: new Uint8Array([0, 0]) };

function bytes(length: number): Uint8Array {
  const random = seededRandom(3);
  return Uint8Array.from({ length }, () => Math.floor(random() * 4));
}

/** An assembly, what it hands on, and a promise of the next thing that it does. */
function assembly(): {
  assembly: Assembly;
  received: WholeFrame[];
  progress: (LoadProgress | null)[];
  violations: string[];
  until: (condition: () => boolean) => Promise<void>;
} {
  const received: WholeFrame[] = [];
  const progress: (LoadProgress | null)[] = [];
  const violations: string[] = [];
  let changed = (): void => {};
  const note = <T>(list: T[], item: T): void => {
    list.push(item);
    changed();
  };
  return {
    received,
    progress,
    violations,
    assembly: new Assembly({
      receive: (frame) => note(received, frame),
      progressed: (each) => note(progress, each),
      violated: (message) => note(violations, message),
    }),
    until: (condition) =>
      new Promise((resolve) => {
        changed = () => condition() && resolve();
        changed();
      }),
  };
}

describe("G24: messages in pieces", () => {
  test("are put together, in whatever form their pieces are", async () => {
    const { assembly: it, received, progress, until } = assembly();
    const body = bytes(1000);
    for (const piece of inPieces(1, body, 300)) it.take(piece);
    await until(() => received.length === 1);
    expect(received).toEqual([{ number: 1, type: "step2", body }]);
    expect(progress).toEqual([
      { received: 300, total: 1000 },
      { received: 600, total: 1000 },
      { received: 900, total: 1000 },
      null,
    ]);
  });

  test("keep their place before the updates that come after them, while receipts do not wait", async () => {
    const { assembly: it, received, until } = assembly();
    const receipt = { number: 1, type: "receipt", through: 1, epoch: 1, seq: 1 } as const;
    for (const piece of inPieces(1, bytes(1000), 300)) it.take(piece);
    it.take(UPDATE);
    it.take(receipt);
    for (const piece of inPieces(1, bytes(500), 500)) it.take(piece);
    expect(received).toEqual([receipt]);
    await until(() => received.length === 4);
    expect(received.map((frame) => frame.type)).toEqual(["receipt", "step2", "update", "step2"]);
  });

  test("an update before which nothing waits is handed on at once", () => {
    const { assembly: it, received } = assembly();
    it.take(UPDATE);
    expect(received).toEqual([UPDATE]);
  });

  const piece: PieceFrame = { number: 1, type: "piece", of: "step2", total: 10, inflated: 0, body: bytes(5) };
  const deflated = (body: Uint8Array, inflated: number): PieceFrame => {
    return { ...piece, total: 1 << 24, inflated, body: new Uint8Array(deflateSync(body)) };
  };
  const cutOff = deflated(bytes(99), 99);
  test.each<[string, PieceFrame[]]>([
    ["a piece that inflates to more than it says", [deflated(new Uint8Array(1 << 22), 1000)]],
    ["a piece that inflates to less than it says", [deflated(new Uint8Array(999), 1000)]],
    ["a piece that inflates to more than a piece may hold", [deflated(bytes(9), MAX_PIECE_BYTES + 1)]],
    [
      "a plain piece of more than that",
      [{ ...piece, total: 1 << 24, body: new Uint8Array(MAX_PIECE_BYTES + 1) }],
    ],
    ["bytes that are not compressed", [{ ...piece, inflated: 5 }]],
    ["a compressed piece that is cut off", [{ ...cutOff, body: cutOff.body.slice(0, 20) }]],
    ["a message that is too large", [{ ...piece, total: MAX_MESSAGE_BYTES + 1 }]],
    ["pieces of two messages", [piece, { ...piece, total: 11 }]],
    ["pieces of a step 2 and an update", [piece, { ...piece, of: "update" }]],
    ["more bytes than the message has", [piece, { ...piece, body: bytes(6) }]],
    ["a piece without bytes", [{ ...piece, body: new Uint8Array() }]],
  ])("%s: the server broke the protocol", async (_name, pieces) => {
    const { assembly: it, received, violations, until } = assembly();
    for (const each of pieces) it.take(each);
    it.take(UPDATE);
    await until(() => violations.length > 0);
    it.take(UPDATE);
    expect(violations).toHaveLength(1);
    expect(received).toEqual([]);
  });

  test("nothing is handed on after the subscription's end", async () => {
    const ended = assembly();
    const other = assembly();
    for (const it of [ended, other]) {
      for (const each of inPieces(1, bytes(1000), 300)) it.assembly.take(each);
    }
    ended.assembly.stop();
    await other.until(() => other.received.length === 1);
    expect(ended.received).toEqual([]);
    expect(ended.violations).toEqual([]);
  });
});

describe("G24: a large document", () => {
  test("tells how much of it has come, is synced when all has, and then goes on", async () => {
    const server = await startServer();
    const document = server.document(NAME);
    document.doc.getText("text").insert(0, "words ".repeat(2000));
    server.pieceBytes = 1000;
    const provider = connect(server).open(NAME);
    const shown: (LoadProgress | null)[] = [];
    provider.loading.subscribe((progress) => shown.push(progress));
    await provider.whenSynced;
    expect(textOf(provider)).toBe(document.doc.getText("text").toString());
    expect(shown[0]).toMatchObject({ received: 1000 });
    expect(shown.at(-1)).toBeNull();
    const other = connect(server, "bob").open(NAME);
    await other.whenSynced;
    type(other, "more ");
    await untilDocs([provider.doc], () => textOf(provider) === textOf(other));
    const [subscribe] = server.messagesOf("subscribe");
    expect(subscribe?.payload.sync).toMatchObject({
      capabilities: expect.arrayContaining(["pieces", "deflate"]),
    });
  });

  test("the connection is made anew when pieces do not fit", async () => {
    const server = await startServer();
    const provider = connect(server).open(NAME);
    await provider.whenSynced;
    const piece = { type: "piece", of: "update", total: 3, inflated: 9 } as const;
    server.sendRaw(
      encodeFrame({ number: server.document(NAME).number, ...piece, body: new Uint8Array([1, 2, 3]) }),
    );
    await until(provider.synced, (synced) => !synced);
    await until(provider.synced, (synced) => synced);
  });
});
