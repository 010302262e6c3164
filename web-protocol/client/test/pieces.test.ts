import { describe, expect, test } from "vitest";
import * as Y from "yjs";

import { cut } from "../src/pieces.js";
import { seededRandom } from "./support.js";

const SEEDS = process.env.SEEDS
  ? process.env.SEEDS.split(",").map(Number)
  : Array.from({ length: 40 }, (_, i) => i);
/** No frame is as small, and no item that the tests cut is as large. */
const LEAST_LIMIT = 200;

/** A random edit of one of a document's types, some of which need what others have written. */
function edit(doc: Y.Doc, random: () => number): void {
  const below = (n: number): number => Math.floor(random() * n);
  const [text, map, list] = [doc.getText("text"), doc.getMap<unknown>("map"), doc.getArray<unknown>("list")];
  const body = doc.getXmlFragment("body");
  const nested = list.toArray().find((each): each is Y.Map<unknown> => each instanceof Y.Map);
  const edits = [
    () => text.insert(below(text.length + 1), "aé漢bcdefgh".repeat(1 + below(60))),
    () => text.delete(0, Math.min(text.length, below(30))),
    () => text.length > 2 && text.format(1, below(text.length - 1), { bold: random() < 0.5 }),
    () => map.set(`key${below(5)}`, "v".repeat(below(80))),
    () => map.delete(`key${below(5)}`),
    () =>
      list.insert(
        below(list.length + 1),
        Array.from({ length: below(40) }, () => below(1e6)),
      ),
    () => list.insert(0, [new Y.Map([["nested", below(10)]])]),
    () => list.delete(0, Math.min(list.length, below(9))),
    () => nested?.set("more", "m".repeat(below(50))),
    () => body.insert(below(body.length + 1), [new Y.XmlElement("paragraph")]),
    () => (body.get(0) as Y.XmlElement | undefined)?.insert(0, [new Y.XmlText("words ".repeat(below(20)))]),
  ];
  doc.transact(() => {
    for (let count = 1 + below(3); count > 0; count--) edits[below(edits.length)]?.();
  });
}

/** Replicas that have written to one another, and the first one's state at a random moment. */
function history(random: () => number): { doc: Y.Doc; before: Y.Doc } {
  const docs = Array.from({ length: 2 + Math.floor(random() * 4) }, () => {
    const doc = new Y.Doc();
    doc.clientID = Math.floor(random() * 2 ** 32);
    return doc;
  });
  const [first = new Y.Doc()] = docs;
  const before = new Y.Doc();
  const pick = (): Y.Doc => docs[Math.floor(random() * docs.length)] ?? first;
  const steps = 20 + Math.floor(random() * 100);
  const moment = Math.floor(random() * steps);
  for (let step = 0; step < steps; step++) {
    edit(pick(), random);
    if (random() < 0.4) Y.applyUpdate(pick(), Y.encodeStateAsUpdate(pick()));
    if (step === moment && random() < 0.7) Y.applyUpdate(before, Y.encodeStateAsUpdate(first));
  }
  for (const doc of docs) Y.applyUpdate(first, Y.encodeStateAsUpdate(doc));
  return { doc: first, before };
}

/** Clocks that an update inserts, and those that it deletes. */
function contentOf(update: Uint8Array): { inserted: number; deleted: number } {
  const { structs, ds } = Y.decodeUpdate(update);
  const sum = (lengths: number[]): number => lengths.reduce((a, b) => a + b, 0);
  return {
    inserted: sum(structs.filter((each) => !(each instanceof Y.Skip)).map((each) => each.length)),
    deleted: sum([...ds.clients.values()].flat().map(({ len }) => len)),
  };
}

/** All pieces, the last included. */
function all(pieces: Generator<Uint8Array, Uint8Array>): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let next = pieces.next(); ; next = pieces.next()) {
    list.push(next.value);
    if (next.done) return list;
  }
}

function viewOf(doc: Y.Doc): unknown {
  const [map, list, body] = [doc.getMap("map"), doc.getArray("list"), doc.getXmlFragment("body")];
  return [doc.getText("text").toDelta(), map.toJSON(), list.toJSON(), body.toString()];
}

function replica(of: Y.Doc): Y.Doc {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(of));
  return doc;
}

describe("an update in pieces", () => {
  test.each(SEEDS)("does what the whole does, each piece small enough and applicable (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const { doc, before } = history(random);
    const update = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(before));
    const limit = LEAST_LIMIT + Math.floor(random() * random() * 5000);
    const pieces = all(cut(update, { limit, target: limit }));
    const [whole, inPieces] = [replica(before), replica(before)];
    Y.applyUpdate(whole, update);
    for (const piece of pieces) {
      expect(piece.byteLength).toBeLessThanOrEqual(limit);
      Y.applyUpdate(inPieces, piece);
      expect(inPieces.store.pendingStructs).toBeNull();
      expect(inPieces.store.pendingDs).toBeNull();
    }
    expect(Y.equalSnapshots(Y.snapshot(inPieces), Y.snapshot(whole))).toBe(true);
    expect(viewOf(inPieces)).toEqual(viewOf(doc));
    const parts = pieces.map(contentOf);
    expect({
      inserted: parts.reduce((sum, { inserted }) => sum + inserted, 0),
      deleted: parts.reduce((sum, { deleted }) => sum + deleted, 0),
    }).toEqual(contentOf(update));
  });

  test("is one piece when it fits, also when there is nothing in it", () => {
    const { doc } = history(seededRandom(1));
    const update = Y.encodeStateAsUpdate(doc);
    const whole = all(cut(update, { limit: 1 << 20, target: 1 << 20 }));
    expect(whole).toHaveLength(1);
    expect(whole.map(contentOf)).toEqual([contentOf(update)]);
    expect(all(cut(new Uint8Array([0, 0]), { limit: 100, target: 100 }))).toEqual([new Uint8Array([0, 0])]);
  });

  test("has only as many pieces as needed", () => {
    const doc = new Y.Doc();
    for (let i = 0; i < 1000; i++) doc.getMap("map").set(`key ${i}`, i);
    const update = Y.encodeStateAsUpdate(doc);
    expect(all(cut(update, { limit: 1000, target: 1000 })).length).toBeLessThanOrEqual(
      Math.ceil(update.byteLength / 900),
    );
  });

  test("a text and a list are cut, between characters; what is larger than the target goes by itself", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "😀".repeat(5000));
    doc.getArray("list").insert(
      0,
      Array.from({ length: 5000 }, (_, i) => i),
    );
    doc.getMap("map").set("key", "x".repeat(3000));
    const pieces = all(cut(Y.encodeStateAsUpdate(doc), { limit: 4000, target: 1000 }));
    expect(Math.max(...pieces.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(4000);
    expect(pieces.filter(({ byteLength }) => byteLength > 3000).map(contentOf)).toContainEqual({
      inserted: 1,
      deleted: 0,
    });
    const copy = new Y.Doc();
    for (const piece of pieces) Y.applyUpdate(copy, piece);
    expect(copy.getText("text").toString()).toBe("😀".repeat(5000));
    expect(copy.getArray("list").toJSON()).toEqual(doc.getArray("list").toJSON());
  });

  test("an item that cannot be cut is named, after the pieces before it", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "before");
    doc.getMap("map").set("key", "x".repeat(5000));
    const pieces = cut(Y.encodeStateAsUpdate(doc), { limit: 1000, target: 100 });
    const clock = "before".length;
    const thrown = { name: "OversizedItemError", id: { client: doc.clientID, clock } };
    expect(() => all(pieces)).toThrow(expect.objectContaining(thrown));
  });

  test("what waits for content that is missing goes along", () => {
    const [author, reader] = [new Y.Doc(), new Y.Doc()];
    author.getText("text").insert(0, "missing ");
    const vector = Y.encodeStateVector(author);
    author.getText("text").insert(8, "present");
    Y.applyUpdate(reader, Y.encodeStateAsUpdate(author, vector));
    reader.getText("other").insert(0, "other");
    const copy = new Y.Doc();
    for (const piece of all(cut(Y.encodeStateAsUpdate(reader), { limit: 1000, target: 1000 })))
      Y.applyUpdate(copy, piece);
    expect(copy.getText("other").toString()).toBe("other");
    Y.applyUpdate(copy, Y.diffUpdate(Y.encodeStateAsUpdate(author), Y.encodeStateVector(new Y.Doc())));
    expect(copy.getText("text").toString()).toBe("missing present");
  });
});
