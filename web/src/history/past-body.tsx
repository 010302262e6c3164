import { lazy, Suspense, useEffect, useState } from "react";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { NodeDocument } from "../documents/node";
import { patient } from "../lib/patient";
import { Fetching } from "../ui/fetching";
import { PastItems } from "./past-items";

const RichText = lazy(patient(() => import("../editor/rich-text")));

interface Past {
  content: NodeDocument;
  awareness: Awareness;
}

/** A node's document as it was, in its form. */
export function PastBody({ state }: { state: Uint8Array }) {
  const [past, setPast] = useState<Past | null>(null);
  useEffect(() => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, state);
    const opened = { content: new NodeDocument(doc), awareness: new Awareness(doc) };
    setPast(opened);
    return () => {
      opened.content.destroy();
      opened.awareness.destroy();
      doc.destroy();
    };
  }, [state]);
  if (!past) return null;
  return (
    <div className="grid gap-6">
      <Suspense fallback={<Fetching what="text" />}>
        <RichText
          key={past.content.doc.guid}
          fragment={past.content.body}
          awareness={past.awareness}
          label="Body as it was"
          placeholder="Nothing was written here."
          editable={false}
          toolbar="focused"
          part={null}
        />
      </Suspense>
      <PastItems content={past.content} />
    </div>
  );
}
