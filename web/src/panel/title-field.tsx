import type * as Y from "yjs";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { useMapText } from "../documents/yjs";

/** The node's title: written letter by letter for everybody, undone as one step. */
export function TitleField({ nodeId, node }: { nodeId: string; node: Y.Map<unknown> }) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  const title = useMapText(node, "title");
  return (
    <textarea
      aria-label="Title"
      rows={1}
      maxLength={500}
      readOnly={!canEdit}
      value={title}
      placeholder="Untitled"
      onFocus={() => canvas.beginStep()}
      onBlur={() => canvas.endStep()}
      onChange={(event) => canvas.setText(nodeId, "title", event.target.value.replaceAll("\n", " "))}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
        event.preventDefault();
        event.currentTarget.blur();
      }}
      className="-mx-2 field-sizing-content w-[calc(100%+16px)] resize-none rounded-lg px-2 py-1 text-[26px] leading-8 font-semibold tracking-tight"
    />
  );
}
