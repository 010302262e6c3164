import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useCanvasScope } from "../canvas/canvas-context";
import { belowAll } from "../canvas/flow-stage";
import { type Stage, useStage } from "../canvas/stage";
import { boxOf, type Canvas } from "../documents/canvas";
import { useStore } from "../lib/external-store";
import type { TreeRow } from "./arrange";
import { ROW_HEIGHT } from "./columns";

export interface TreeList {
  /** The index of the row in the tab order. */
  tabStop: number;
  /** Gives a row the focus once it is there. */
  focus: (id: string) => void;
}

/** Which row has the focus, and what the rest of the project may ask of the list. */
export function useTreeList(rows: readonly TreeRow[], scroller: RefObject<HTMLDivElement | null>): TreeList {
  const { canvas, flow, stage: place, renaming, treeOptions } = useCanvasScope();
  const [wanted, setWanted] = useState<{ id: string; focus: boolean } | null>(null);
  const indexes = useMemo(() => new Map(rows.map(({ node }, index) => [node.id, index])), [rows]);
  const latest = useRef({ rows, indexes });
  latest.current = { rows, indexes };
  const selection = useStore(flow.selection);
  const [only] = selection.nodes;

  useEffect(() => {
    if (!wanted) return;
    const index = indexes.get(wanted.id);
    const list = scroller.current;
    if (index === undefined || !list) return;
    reveal(list, index);
    if (wanted.focus)
      list.querySelector<HTMLElement>(`[data-row="${wanted.id}"]`)?.focus({ preventScroll: true });
    setWanted(null);
  }, [wanted, indexes, scroller]);

  const bring = useCallback(
    (id: string, focus: boolean) => {
      const options = treeOptions.get();
      const folded = withoutAncestors(options.folded, canvas, id);
      if (folded !== options.folded) treeOptions.set({ ...options, folded });
      setWanted({ id, focus });
    },
    [canvas, treeOptions],
  );
  const stage = useMemo(
    (): Stage => ({
      placeForNew: () =>
        belowAll(
          [...canvas.nodes.keys()].flatMap((id) => {
            const node = canvas.node(id);
            return node ? [{ box: boxOf(node) }] : [];
          }),
        ),
      show: (id) => bring(id, true),
      reveal: (id) => bring(id, false),
      next: (direction) => {
        const at = flow.onlyNode === null ? undefined : latest.current.indexes.get(flow.onlyNode);
        const step = direction === "down" ? 1 : direction === "up" ? -1 : 0;
        return latest.current.rows[at === undefined ? 0 : at + step]?.node.id ?? null;
      },
      fit: () => scroller.current?.scrollTo({ top: 0 }),
      zoom: () => {},
    }),
    [canvas, flow, bring, scroller],
  );
  useStage(place, stage);

  // What was selected in another view, or was added just now, is where one can see it.
  const renamed = useStore(renaming);
  useEffect(() => {
    const id = renamed ?? flow.onlyNode;
    if (id) bring(id, false);
  }, [renamed, flow, bring]);

  const tabStop = (only === undefined ? undefined : indexes.get(only)) ?? 0;
  return useMemo(() => ({ tabStop, focus: (id: string) => setWanted({ id, focus: true }) }), [tabStop]);
}

function reveal(list: HTMLElement, index: number): void {
  const header = 32;
  const top = index * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW_HEIGHT + header > list.scrollTop + list.clientHeight) {
    list.scrollTop = top + ROW_HEIGHT + header - list.clientHeight;
  }
}

function withoutAncestors(folded: ReadonlySet<string>, canvas: Canvas, id: string): ReadonlySet<string> {
  const above = canvas.ancestors(id).filter((ancestor) => folded.has(ancestor));
  if (above.length === 0) return folded;
  const next = new Set(folded);
  for (const ancestor of above) next.delete(ancestor);
  return next;
}
