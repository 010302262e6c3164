import { type Extensions, getSchema } from "@tiptap/core";
import { Collaboration } from "@tiptap/extension-collaboration";
import { Image } from "@tiptap/extension-image";
import { TaskItem, TaskList } from "@tiptap/extension-list";
import { TableKit } from "@tiptap/extension-table";
import { Placeholder } from "@tiptap/extensions";
import { StarterKit } from "@tiptap/starter-kit";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { EvidenceDesk } from "../evidence/desk";
import { Evidence } from "../evidence/pointer";
import { Carets } from "./carets";
import { Mention } from "./mention";

/** What a text may consist of. */
function vocabulary(): Extensions {
  return [
    StarterKit.configure({
      // Undo is per person and comes with Collaboration. A trailing paragraph would be an edit that nobody made.
      undoRedo: false,
      trailingNode: false,
      link: { openOnClick: false, autolink: true, defaultProtocol: "https" },
    }),
    TaskList,
    TaskItem.configure({ nested: true, a11y: { checkboxLabel: (node) => node.textContent || "Task" } }),
    TableKit,
    Mention,
    Image.configure({ HTMLAttributes: { referrerpolicy: "no-referrer", loading: "lazy" } }),
  ];
}

export const SCHEMA = getSchema(vocabulary());

export interface EditorBinding {
  fragment: Y.XmlFragment;
  awareness: Awareness;
  placeholder: string;
  /** Where it is asked who wrote what, and how histories name this text. */
  evidence: { desk: EvidenceDesk; part: string } | null;
}

/** Everything that an editor of one shared text is made of. */
export function extensionsFor({ fragment, awareness, placeholder, evidence }: EditorBinding): Extensions {
  return [
    ...vocabulary(),
    Placeholder.configure({ placeholder, showOnlyWhenEditable: false }),
    Collaboration.configure({ fragment }),
    Carets.configure({ awareness }),
    ...(evidence ? [Evidence.configure(evidence)] : []),
  ];
}
