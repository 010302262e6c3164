import { createContext, type ReactNode, use, useEffect, useMemo } from "react";
import type { NodeDocument } from "../documents/node";
import { type DocumentSession, useDocumentSession } from "../documents/session";
import { useOwned } from "../lib/use-owned";
import { useSay } from "../ui/toast";
import { itemOf, putIntoNode } from "./put-into-node";
import { Transfer } from "./transfer";
import { Uploads } from "./uploads";

/** What is being uploaded; null before the first effect. */
export const UploadsContext = createContext<Uploads | null>(null);

interface Needs {
  documents: DocumentSession;
  say: (message: string) => void;
}

/** Holds what is being uploaded, wherever in the studio one goes meanwhile. */
export function UploadsProvider({ children }: { children: ReactNode }) {
  const documents = useDocumentSession();
  const say = useSay();
  const uploads = useOwned(
    makeUploads,
    useMemo(() => ({ documents, say }), [documents, say]),
  );
  useKeptPage(uploads);
  return <UploadsContext value={uploads}>{children}</UploadsContext>;
}

export function useUploads(): Uploads | null {
  return use(UploadsContext);
}

/** Lets files that arrive for a node come into its open document. */
export function useUploadsInto(nodeId: string, content: NodeDocument | null, userId: string): void {
  const uploads = useUploads();
  useEffect(() => {
    if (!uploads || !content) return;
    return uploads.attach(nodeId, (side, file) => content.addItem(side, itemOf(file), userId));
  }, [uploads, nodeId, content, userId]);
}

function makeUploads({ documents, say }: Needs): Uploads {
  return new Uploads({
    start: (target, file) => new Transfer(target, file),
    putIntoNode: (target, file, signal) => putIntoNode(documents, target, file, signal),
    onUnseenFailure: ({ name }) =>
      say(`${name} was not uploaded. Open its node to see why and to try again.`),
  });
}

/** Asks before a page is left that sends files, and lets no file that is dropped beside the mark take its place. */
function useKeptPage(uploads: Uploads | null): void {
  useEffect(() => {
    if (!uploads) return;
    const onLeave = (event: BeforeUnloadEvent) => {
      if (uploads.list.get().some(({ phase }) => phase !== "failed")) event.preventDefault();
    };
    const onDrag = (event: DragEvent) => {
      if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
      event.dataTransfer.dropEffect = "none";
      event.preventDefault();
    };
    window.addEventListener("beforeunload", onLeave);
    window.addEventListener("dragover", onDrag);
    window.addEventListener("drop", onDrag);
    return () => {
      window.removeEventListener("beforeunload", onLeave);
      window.removeEventListener("dragover", onDrag);
      window.removeEventListener("drop", onDrag);
    };
  }, [uploads]);
}
