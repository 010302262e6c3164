import { useMemo, useRef, useState } from "react";
import { useCanEdit, useCanvasScope, useStates } from "../canvas/canvas-context";
import { useStore } from "../lib/external-store";
import { useVisibleRange } from "../lib/use-visible-range";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import type { TreeRow } from "./arrange";
import { ROW_HEIGHT } from "./columns";
import { MovePicker } from "./move-picker";
import { NodeTable } from "./node-table";
import { NO_FILTER } from "./options";
import { isOverdue } from "./order";
import { TreeHeader } from "./tree-header";
import { Row } from "./tree-row";
import { TreeToolbar } from "./tree-toolbar";
import { useUpdatedTimes } from "./updated-times";
import { useRowHandlers } from "./use-row-handlers";
import { useTreeDrag } from "./use-tree-drag";
import { useTreeList } from "./use-tree-list";
import { useTreeRows } from "./use-tree-rows";

/** The nodes of a project as a tree: what is inside what, with columns that sort and filter. */
export default function TreeView() {
  const { canvas, projectId } = useCanvasScope();
  const table = useMemo(() => new NodeTable(canvas), [canvas]);
  const updatedAt = useUpdatedTimes(projectId, table);
  const { nodes, rows, matching, today } = useTreeRows(table, updatedAt);
  const [moved, setMoved] = useState<ReadonlySet<string> | null>(null);
  return (
    <section aria-label="Tree" data-stage className="@container flex h-full flex-col bg-surface">
      <TreeToolbar nodes={nodes} matching={matching} />
      <Grid rows={rows} total={nodes.size} today={today} updatedAt={updatedAt} onMove={setMoved} />
      <MovePicker moved={moved} nodes={nodes} onClose={() => setMoved(null)} />
    </section>
  );
}

interface GridProps {
  rows: readonly TreeRow[];
  /** How many nodes there are, whatever the filter. */
  total: number;
  today: string;
  updatedAt: (id: string) => number | undefined;
  onMove: (moved: ReadonlySet<string>) => void;
}

function Grid({ rows, total, today, updatedAt, onMove }: GridProps) {
  const { flow } = useCanvasScope();
  const canEdit = useCanEdit();
  const states = useStates();
  const scroller = useRef<HTMLDivElement>(null);
  const range = useVisibleRange(scroller, ROW_HEIGHT, rows.length);
  const selected = useStore(flow.selection).nodes;
  const drag = useTreeDrag();
  const list = useTreeList(rows, scroller);
  const handlers = useRowHandlers(rows, list, drag, onMove);
  const shown = visibleRows(rows, range, list.tabStop);
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="treegrid"
        aria-label="Nodes"
        aria-multiselectable
        aria-rowcount={rows.length + 1}
        onDragEnd={drag.end}
        className="absolute inset-0 overflow-auto"
      >
        <TreeHeader />
        <div role="rowgroup" className="relative" style={{ height: rows.length * ROW_HEIGHT }}>
          {shown.map(({ row, index }) => {
            const { id } = row.node;
            const updated = updatedAt(id);
            return (
              <Row
                key={id}
                row={row}
                index={index}
                isSelected={selected.has(id)}
                isTabStop={index === list.tabStop}
                isDropTarget={drag.target === id}
                isOverdue={isOverdue(row.node, today, states)}
                updatedAt={updated === undefined ? "" : new Date(updated).toISOString()}
                canEdit={canEdit}
                handlers={handlers}
              />
            );
          })}
        </div>
        {rows.length === 0 && total > 0 && <NothingFound />}
      </div>
      {drag.isDragging && (
        // biome-ignore lint/a11y/noStaticElementInteractions: with the keyboard, a row's menu does the same
        <div
          onDragOver={(event) => drag.over(event, null)}
          onDrop={(event) => drag.drop(event, null)}
          // Over the names of the columns: no row is hidden by it.
          className="absolute inset-x-0 top-0 z-20 grid h-8 place-items-center border-2 border-dashed border-accent bg-accent-soft text-[13px] text-accent"
        >
          Drop here to move to the top of the tree
        </div>
      )}
    </div>
  );
}

function NothingFound() {
  const { treeOptions } = useCanvasScope();
  return (
    <Notice
      icon="search"
      title="No node matches"
      action={
        <Button onClick={() => treeOptions.set({ ...treeOptions.get(), filter: NO_FILTER })}>Show all</Button>
      }
    >
      Other nodes are hidden by the filter above.
    </Notice>
  );
}

/** The rows within a range, and the one in the tab order: it must not vanish while it has the focus. */
function visibleRows(rows: readonly TreeRow[], range: { from: number; to: number }, tabStop: number) {
  const shown = rows.slice(range.from, range.to).map((row, at) => ({ row, index: range.from + at }));
  const stop = rows[tabStop];
  if (stop && (tabStop < range.from || tabStop >= range.to)) shown.push({ row: stop, index: tabStop });
  return shown;
}
