/**
 * Cuts an update into smaller ones, for a server that takes no frame as large (SPEC.md, G12).
 *
 * Applied in order, the pieces do what the update does, and each can be applied once those before it are: what an item
 * refers to (its neighbours and its parent) comes before it. Deletions come last. Nothing is in two pieces.
 */

import * as encoding from "lib0/encoding";
import * as Y from "yjs";

/** The head of a client's block of an update: three integers of at most 8 bytes. */
const HEAD_BYTES = 24;
/** An update with one block and nothing in it. */
const EMPTY_BYTES = 2 * HEAD_BYTES;
/** The info byte of a struct that stands for a gap. */
const SKIP = 10;

/** Sizes of pieces, in bytes. */
export interface PieceSizes {
  /** What no piece exceeds. */
  readonly limit: number;
  /** What a piece exceeds only for an item that cannot be cut. */
  readonly target: number;
}

/** A single item is larger than any piece may be, and it cannot be cut. */
export class OversizedItemError extends Error {
  constructor(
    /** Which item. */
    readonly id: Y.ID,
    readonly bytes: number,
  ) {
    super(`an item of ${bytes} bytes cannot be cut`);
    this.name = "OversizedItemError";
  }
}

type Struct = Y.Item | Y.GC | Y.Skip;

/** A run of a client's clocks as it is written. */
interface Slice {
  readonly client: number;
  readonly clock: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/**
 * Yields the pieces of an update as they are asked for, and returns the last, of which there is always one.
 * @throws OversizedItemError when it comes to an item that is too large
 */
export function* cut(update: Uint8Array, sizes: PieceSizes): Generator<Uint8Array, Uint8Array, void> {
  const { structs, ds } = Y.decodeUpdate(update);
  let piece = new Piece();
  for (const struct of inCausalOrder(structs)) {
    for (const slice of slicesOf(struct, 0, struct.length, sizes.limit - EMPTY_BYTES)) {
      if (!piece.isEmpty && piece.bytesWith(slice) > sizes.target) {
        yield piece.encode();
        piece = new Piece();
      }
      piece.insert(slice);
    }
  }
  for (const [client, ranges] of ds.clients) {
    for (const { clock, len } of ranges) {
      if (!piece.isEmpty && piece.bytesWithDeletion(client, clock, len) > sizes.target) {
        yield piece.encode();
        piece = new Piece();
      }
      piece.delete(client, clock, len);
    }
  }
  return piece.encode();
}

/** The structs in an order in which each comes after all that it refers to, and each client's by clock. */
function* inCausalOrder(structs: readonly Struct[]): Generator<Struct, void, void> {
  const queues = new Map<number, Queue>();
  for (const struct of structs) {
    const queue = queues.get(struct.id.client);
    if (queue) queue.structs.push(struct);
    else queues.set(struct.id.client, new Queue([struct]));
  }
  for (const queue of queues.values()) {
    // Who waits for whom, the last at the end.
    const waiting = [queue];
    for (let last = waiting.at(-1); last; last = waiting.at(-1)) {
      const struct = last.head;
      const blocking = struct && blockerOf(struct, queues);
      if (blocking && !waiting.includes(blocking)) {
        waiting.push(blocking);
        continue;
      }
      if (struct) {
        yield struct;
        last.advance();
      }
      // Whoever waits for this one may do so no longer.
      if (!struct || waiting.length > 1) waiting.pop();
    }
  }
}

/** The structs of one client that are not taken yet. */
class Queue {
  #next = 0;

  constructor(readonly structs: Struct[]) {}

  get head(): Struct | null {
    return this.structs[this.#next] ?? null;
  }

  advance(): void {
    this.#next += 1;
  }
}

/** The client whose next struct has to come before this one, if there is one. */
function blockerOf(struct: Struct, queues: ReadonlyMap<number, Queue>): Queue | null {
  if (!(struct instanceof Y.Item)) return null;
  const { id, origin, rightOrigin, parent } = struct;
  for (const needed of [origin, rightOrigin, parent]) {
    if (!(needed instanceof Y.ID) || needed.client === id.client) continue;
    const queue = queues.get(needed.client);
    const next = queue?.head;
    if (queue && next && next.id.clock <= needed.clock) return queue;
  }
  return null;
}

/** The part of a struct between two offsets, in slices of at most `limit` bytes. */
function* slicesOf(struct: Struct, from: number, to: number, limit: number): Generator<Slice, void, void> {
  if (struct instanceof Y.Skip) return;
  const { client, clock } = struct.id;
  const bytes = encoded(struct, from, to);
  if (bytes.byteLength <= limit) {
    yield { client, clock: clock + from, length: to - from, bytes };
    return;
  }
  const middle = middleOf(struct, from, to);
  if (middle === null) throw new OversizedItemError(struct.id, bytes.byteLength);
  yield* slicesOf(struct, from, middle, limit);
  yield* slicesOf(struct, middle, to, limit);
}

/** Where a part of a struct can be cut in two. */
function middleOf(struct: Struct, from: number, to: number): number | null {
  if (!(struct instanceof Y.Item)) return null;
  const { content } = struct;
  const middle = from + Math.floor((to - from) / 2);
  if (content instanceof Y.ContentString) {
    const isAmidstPair = isHighSurrogate(content.str.charCodeAt(middle - 1));
    const at = isAmidstPair ? middle - 1 : middle;
    return at > from ? at : null;
  }
  const hasElements = content instanceof Y.ContentAny || content instanceof Y.ContentJSON;
  return hasElements && middle > from ? middle : null;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** The bytes of a struct between two offsets. */
function encoded(struct: Y.Item | Y.GC, from: number, to: number): Uint8Array {
  const encoder = new Y.UpdateEncoderV1();
  if (to < struct.length && struct instanceof Y.Item) head(struct, to).write(encoder, from);
  else struct.write(encoder, from);
  return encoder.toUint8Array();
}

/** An item as it is up to an offset. */
function head(item: Y.Item, length: number): Y.Item {
  const content = item.content.copy();
  content.splice(length);
  const { id, origin, rightOrigin, parent, parentSub } = item;
  return new Y.Item(id, null, origin, null, rightOrigin, parent, parentSub, content);
}

/** A client's block of an update that is being written. */
interface Block {
  readonly clock: number;
  end: number;
  count: number;
  readonly encoder: encoding.Encoder;
}

/** An update that is being written. Its sizes are upper bounds. */
class Piece {
  readonly #blocks = new Map<number, Block>();
  readonly #deletions = new Map<number, Block>();
  #bytes = EMPTY_BYTES - HEAD_BYTES;

  get isEmpty(): boolean {
    return this.#blocks.size + this.#deletions.size === 0;
  }

  bytesWith({ client, clock, bytes }: Slice): number {
    const block = this.#blocks.get(client);
    if (!block) return this.#bytes + HEAD_BYTES + bytes.byteLength;
    const gap = clock - block.end;
    return this.#bytes + bytes.byteLength + (gap > 0 ? 1 + varUintBytes(gap) : 0);
  }

  bytesWithDeletion(client: number, clock: number, length: number): number {
    const head = this.#deletions.has(client) ? 0 : HEAD_BYTES;
    return this.#bytes + head + varUintBytes(clock) + varUintBytes(length);
  }

  insert(slice: Slice): void {
    this.#bytes = this.bytesWith(slice);
    const { encoder } = this.#blockFor(slice);
    encoding.writeUint8Array(encoder, slice.bytes);
  }

  delete(client: number, clock: number, length: number): void {
    this.#bytes = this.bytesWithDeletion(client, clock, length);
    const block = this.#deletions.get(client) ?? newBlock(clock);
    this.#deletions.set(client, block);
    block.count += 1;
    encoding.writeVarUint(block.encoder, clock);
    encoding.writeVarUint(block.encoder, length);
  }

  encode(): Uint8Array {
    const update = encoding.createEncoder();
    encoding.writeVarUint(update, this.#blocks.size);
    // Yjs writes, and reads fastest, the highest client ids first.
    for (const [client, { clock, count, encoder }] of [...this.#blocks].sort(([a], [b]) => b - a)) {
      encoding.writeVarUint(update, count);
      encoding.writeVarUint(update, client);
      encoding.writeVarUint(update, clock);
      encoding.writeUint8Array(update, encoding.toUint8Array(encoder));
    }
    encoding.writeVarUint(update, this.#deletions.size);
    for (const [client, { count, encoder }] of this.#deletions) {
      encoding.writeVarUint(update, client);
      encoding.writeVarUint(update, count);
      encoding.writeUint8Array(update, encoding.toUint8Array(encoder));
    }
    return encoding.toUint8Array(update);
  }

  /** The client's block, with room made for a slice that comes after a gap. */
  #blockFor({ client, clock, length }: Slice): Block {
    const block = this.#blocks.get(client) ?? newBlock(clock);
    this.#blocks.set(client, block);
    if (block.end < clock) {
      encoding.writeUint8(block.encoder, SKIP);
      encoding.writeVarUint(block.encoder, clock - block.end);
      block.count += 1;
    }
    block.end = clock + length;
    block.count += 1;
    return block;
  }
}

function newBlock(clock: number): Block {
  return { clock, end: clock, count: 0, encoder: encoding.createEncoder() };
}

function varUintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
