import { type DragEvent, useState } from "react";
import { useCanvasScope } from "../canvas/canvas-context";
import { explainNesting } from "../canvas/refusals";
import { useSay } from "../ui/toast";

const TYPE = "application/x-glassbox-nodes";

/** Dragging rows into others. What is dragged is known here, since a browser hides it until it is dropped. */
export function useTreeDrag() {
  const { canvas, flow } = useCanvasScope();
  const say = useSay();
  const [dragged, setDragged] = useState<ReadonlySet<string> | null>(null);
  const [target, setTarget] = useState<string | null>(null);
  const end = () => {
    setDragged(null);
    setTarget(null);
  };
  return {
    isDragging: dragged !== null,
    target,
    end,
    start(event: DragEvent, id: string) {
      const { nodes } = flow.selection.get();
      const ids = nodes.has(id) ? nodes : new Set([id]);
      if (!nodes.has(id)) flow.select([id]);
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData(TYPE, [...ids].join(" "));
      // A list that changes while the browser takes its picture of what is dragged ends the drag.
      window.setTimeout(() => setDragged(ids));
    },
    /** `parent`: the row that it is over; null: the top of the tree. */
    over(event: DragEvent, parent: string | null) {
      if (!dragged || canvas.nestRefusal(dragged, parent)) {
        setTarget(null);
        return;
      }
      event.preventDefault();
      event.dataTransfer.dropEffect = "move";
      setTarget(parent);
    },
    drop(event: DragEvent, parent: string | null) {
      event.preventDefault();
      const refusal = dragged && canvas.nest(dragged, parent);
      if (refusal) say(explainNesting(refusal));
      end();
    },
  };
}
