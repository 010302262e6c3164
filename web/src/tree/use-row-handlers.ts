import { type MouseEvent, useMemo, useRef } from "react";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { explainNesting } from "../canvas/refusals";
import { boxOf } from "../documents/canvas";
import { useSay } from "../ui/toast";
import type { TreeRow } from "./arrange";
import { handleRowKey, parentIndex, siblingAbove } from "./row-keys";
import type { RowHandlers } from "./tree-row";
import type { useTreeDrag } from "./use-tree-drag";
import type { TreeList } from "./use-tree-list";

/** What the rows do. The same object for as long as it can be, so that rows need not render again. */
export function useRowHandlers(
  rows: readonly TreeRow[],
  list: TreeList,
  drag: ReturnType<typeof useTreeDrag>,
  onMove: (moved: ReadonlySet<string>) => void,
): RowHandlers {
  const { canvas, flow, treeOptions } = useCanvasScope();
  const actions = useCanvasActions();
  const canEdit = useCanEdit();
  const say = useSay();
  const anchor = useRef<string | null>(null);

  const indexOf = (id: string) => rows.findIndex(({ node }) => node.id === id);
  const selectTo = (index: number, extend: boolean) => {
    const row = rows[index];
    if (!row) return;
    const from = extend && anchor.current ? indexOf(anchor.current) : -1;
    if (from >= 0) {
      const range = rows.slice(Math.min(from, index), Math.max(from, index) + 1);
      // The one that has the focus is the first: it is the one in the tab order.
      flow.select(new Set([row.node.id, ...range.map(({ node }) => node.id)]));
    } else {
      anchor.current = row.node.id;
      flow.select([row.node.id]);
    }
  };
  const toggle = (id: string) => {
    const { nodes } = flow.selection.get();
    anchor.current = id;
    flow.select(nodes.has(id) ? [...nodes].filter((other) => other !== id) : [id, ...nodes]);
  };
  const nest = (ids: ReadonlySet<string>, parent: string | null) => {
    const refusal = canvas.nest(ids, parent);
    if (refusal) say(explainNesting(refusal));
  };
  const movedWith = (id: string): ReadonlySet<string> => {
    const { nodes } = flow.selection.get();
    return nodes.has(id) ? nodes : new Set([id]);
  };
  const fold = (id: string) => {
    const options = treeOptions.get();
    const folded = new Set(options.folded);
    if (!folded.delete(id)) folded.add(id);
    treeOptions.set({ ...options, folded });
  };
  const goTo = (index: number, extend: boolean) => {
    selectTo(index, extend);
    const id = rows[index]?.node.id;
    if (id) list.focus(id);
  };

  const now: RowHandlers = {
    onPress(id, event: MouseEvent) {
      if ((event.target as HTMLElement).closest("button, input")) return;
      if (event.metaKey || event.ctrlKey) toggle(id);
      else selectTo(indexOf(id), event.shiftKey);
    },
    onOpen: (id) => actions.openNode(id),
    onFold: fold,
    onFocus(id) {
      if (!flow.selection.get().nodes.has(id)) flow.select([id]);
    },
    onKey(event, id) {
      if (event.target !== event.currentTarget) return;
      const at = indexOf(id);
      const isHandled = handleRowKey(event, at, {
        rows,
        goTo,
        fold,
        toggle,
        remove: canEdit
          ? () => {
              const next = rows[at + 1] ?? rows[at - 1];
              canvas.remove(movedWith(id));
              flow.select(next ? [next.node.id] : []);
              if (next) list.focus(next.node.id);
            }
          : null,
        indent: canEdit
          ? () => {
              const above = rows[siblingAbove(rows, at) ?? -1];
              if (above) nest(movedWith(id), above.node.id);
              list.focus(id);
            }
          : null,
        outdent: canEdit
          ? () => {
              const parent = rows[parentIndex(rows, at) ?? -1];
              if (parent) nest(movedWith(id), parent.node.parentId);
              list.focus(id);
            }
          : null,
      });
      if (isHandled) event.preventDefault();
    },
    onMove: (id) => onMove(movedWith(id)),
    onAddInside(id) {
      const options = treeOptions.get();
      const folded = new Set(options.folded);
      folded.delete(id);
      treeOptions.set({ ...options, folded });
      const node = canvas.node(id);
      const box = node && boxOf(node);
      // Once the menu has given the focus back.
      window.setTimeout(() =>
        actions.addNode(box ? { x: box.x + box.width / 2, y: box.y + 2 * box.height } : undefined, id),
      );
    },
    onDragStart: drag.start,
    onDragOver: drag.over,
    onDrop: drag.drop,
  };
  const latest = useRef(now);
  latest.current = now;
  return useMemo(() => forwarding(latest), []);
}

/** Handlers that never change and do what the latest ones do. */
function forwarding(latest: { readonly current: RowHandlers }): RowHandlers {
  return {
    onPress: (...args) => latest.current.onPress(...args),
    onOpen: (...args) => latest.current.onOpen(...args),
    onFold: (...args) => latest.current.onFold(...args),
    onFocus: (...args) => latest.current.onFocus(...args),
    onKey: (...args) => latest.current.onKey(...args),
    onMove: (...args) => latest.current.onMove(...args),
    onAddInside: (...args) => latest.current.onAddInside(...args),
    onDragStart: (...args) => latest.current.onDragStart(...args),
    onDragOver: (...args) => latest.current.onDragOver(...args),
    onDrop: (...args) => latest.current.onDrop(...args),
  };
}
