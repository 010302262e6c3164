import * as Y from "yjs";

import { clientError, GlassBoxError } from "./errors.js";

/** What is known of the content of a Y.Doc. */
interface Lineage {
  /** Of which document it is. */
  readonly name: string;
  /** `null`: it was made here, and never synced. */
  readonly epoch: number | null;
  /** Edits that no receipt covered when it was detached. */
  readonly unconfirmed: number;
  /** State vector when it was detached. */
  readonly vector: string;
}

// A Y.Doc may be detached and attached again: its content must not come into another epoch on the way.
const lineages = new WeakMap<Y.Doc, Lineage>();

/** An update that adds nothing. */
const EMPTY_UPDATE_BYTES = 2;

/** Whether a document has no content, and never had any. */
export function isEmpty(doc: Y.Doc): boolean {
  return Y.encodeStateAsUpdate(doc).byteLength <= EMPTY_UPDATE_BYTES;
}

/** Records what `doc` holds when it is detached. */
export function recordLineage(doc: Y.Doc, name: string, epoch: number | null, unconfirmed: number): void {
  lineages.set(doc, { name, epoch, unconfirmed, vector: vectorOf(doc) });
}

/** Edits in a Y.Doc that is brought along of which it is not known that they are saved. */
export function unconfirmedEditsOf(doc: Y.Doc): number {
  const lineage = lineages.get(doc);
  if (!lineage) return isEmpty(doc) ? 0 : 1;
  return lineage.unconfirmed + (lineage.vector === vectorOf(doc) ? 0 : 1);
}

function vectorOf(doc: Y.Doc): string {
  return Y.encodeStateVector(doc).toString();
}

/**
 * The epoch of the content of `doc` as a replica of `name`; `null`: it has none of the server's.
 * @throws GlassBoxError `UNKNOWN_EPOCH`
 */
export function epochOf(doc: Y.Doc, name: string, declared: number | null | undefined): number | null {
  if (isEmpty(doc)) return null;
  const lineage = lineages.get(doc);
  if (lineage?.name === name) return lineage.epoch;
  if (declared !== undefined) return declared;
  const message = `The Y.Doc for ${name} has content of an unknown epoch: pass the option epoch, or null if it was made here`;
  throw new GlassBoxError(clientError("UNKNOWN_EPOCH", message, "final"));
}
