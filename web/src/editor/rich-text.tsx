import "./editor.css";
import { EditorContent, useEditor } from "@tiptap/react";
import { use, useEffect, useMemo } from "react";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { sharedStore } from "../documents/yjs";
import { EvidenceContext } from "../evidence/desk";
import { useStore } from "../lib/external-store";
import { useOwned } from "../lib/use-owned";
import { extensionsFor, SCHEMA } from "./extensions";
import { MentionMenu } from "./mention-menu";
import { SlashMenu } from "./slash-menu";
import { Toolbar } from "./toolbar";
import { plainText } from "./vocabulary";
import { VocabularyGuard } from "./vocabulary-guard";

const makeGuard = (fragment: Y.XmlFragment) => new VocabularyGuard(fragment, SCHEMA);

export interface RichTextProps {
  fragment: Y.XmlFragment;
  awareness: Awareness;
  /** The accessible name of the text. */
  label: string;
  placeholder: string;
  editable: boolean;
  /** Whether the toolbar is always there, or only while the text has the focus. */
  toolbar: "always" | "focused";
  /** How histories name the text; null: its authors cannot be asked for. */
  part: string | null;
}

/** A shared text with form. A text that holds what this editor does not know is shown, and left as it is. */
export default function RichText(props: RichTextProps) {
  const guard = useOwned(makeGuard, props.fragment);
  return guard ? <Guarded {...props} guard={guard} /> : null;
}

function Guarded({ guard, ...props }: RichTextProps & { guard: VocabularyGuard }) {
  const unknown = useStore(guard.unknown);
  if (unknown) return <Untouched fragment={props.fragment} label={props.label} unknown={unknown} />;
  return <BoundEditor {...props} guard={guard} />;
}

function Untouched({
  fragment,
  label,
  unknown,
}: {
  fragment: Y.XmlFragment;
  label: string;
  unknown: string;
}) {
  const words = useStore(useMemo(() => sharedStore(fragment, plainText, { deep: true }), [fragment]));
  return (
    <section aria-label={label} className="grid gap-3">
      <p className="rounded-lg bg-warn-soft px-3 py-2 text-[13px] text-warn">
        This text holds something that this editor does not know (“{unknown}”). To keep it intact, its words
        are shown without their form, and it cannot be edited here.
      </p>
      <div className="whitespace-pre-wrap">{words}</div>
    </section>
  );
}

function BoundEditor({
  fragment,
  awareness,
  label,
  placeholder,
  editable,
  toolbar,
  part,
  guard,
}: RichTextProps & {
  guard: VocabularyGuard;
}) {
  const desk = use(EvidenceContext);
  const editor = useEditor(
    {
      extensions: extensionsFor({
        fragment,
        awareness,
        placeholder,
        evidence: desk && part ? { desk, part } : null,
      }),
      editable,
      editorProps: {
        // ProseMirror keeps Esc to itself, which is the way out of a text as of every other field.
        handleDOMEvents: { keydown: (_view, event) => event.key === "Escape" && !event.isComposing },
        attributes: { role: "textbox", "aria-multiline": "true", "aria-label": label, class: "prose-text" },
      },
    },
    [fragment, awareness, desk, part],
  );
  useEffect(() => {
    guard.release = () => editor.destroy();
    return () => {
      guard.release = null;
    };
  }, [guard, editor]);
  useEffect(() => {
    if (!editor.isDestroyed && editor.isEditable !== editable) editor.setEditable(editable, false);
  }, [editor, editable]);
  return (
    <div className={`rich-text rich-text-${toolbar}`}>
      {editable && <Toolbar editor={editor} label={`Formatting of ${label.toLowerCase()}`} />}
      <EditorContent editor={editor} />
      {editable && <SlashMenu editor={editor} />}
      {editable && <MentionMenu editor={editor} />}
    </div>
  );
}
