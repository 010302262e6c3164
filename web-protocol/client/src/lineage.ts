import * as Y from "yjs";

import { clientError, GlassBoxError } from "./errors.js";

/** Of which document and epoch the content of a Y.Doc is; `null`: it was made here, and never synced. */
interface Lineage {
  readonly name: string;
  readonly epoch: number | null;
}

// A Y.Doc may be detached and attached again: its content must not come into another epoch on the way.
const lineages = new WeakMap<Y.Doc, Lineage>();

/** An update that adds nothing. */
const EMPTY_UPDATE_BYTES = 2;

/** Whether a document has no content, and never had any. */
export function isEmpty(doc: Y.Doc): boolean {
  return Y.encodeStateAsUpdate(doc).byteLength <= EMPTY_UPDATE_BYTES;
}

/** Records whose content `doc` holds from now on. */
export function recordLineage(doc: Y.Doc, name: string, epoch: number | null): void {
  lineages.set(doc, { name, epoch });
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
