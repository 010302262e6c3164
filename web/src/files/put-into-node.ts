import type { StoredFile } from "../api/files";
import { NodeDocument } from "../documents/node";
import type { DocumentSession } from "../documents/session";
import type { UploadTarget } from "./uploads";

/** What a list of a node holds of a file. */
export function itemOf({ id, filename }: StoredFile) {
  return { kind: "file", label: filename, fileId: id } as const;
}

/** Adds a file to a node that is not open, unless that is stopped before. */
export async function putIntoNode(
  documents: Pick<DocumentSession, "open" | "release" | "userId">,
  { nodeId, side }: UploadTarget,
  file: StoredFile,
  signal: AbortSignal,
): Promise<void> {
  const provider = documents.open(`node:${nodeId}`);
  try {
    await provider.whenLoaded;
    if (signal.aborted) return;
    const content = new NodeDocument(provider.replica.value.doc);
    content.addItem(side, itemOf(file), documents.userId);
    content.destroy();
  } finally {
    // This takes until all is saved and nobody else has it open: the file is in the node long before.
    void documents.release(provider);
  }
}
