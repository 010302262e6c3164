import { useCanvasScope } from "../canvas/canvas-context";
import { useStore } from "../lib/external-store";
import { Icon } from "../ui/icon";
import { Cell } from "./cell";
import { COLUMNS, ROW_GRID } from "./columns";
import type { Sorting, SortKey } from "./options";

/** The names of the columns; each sorts. */
export function TreeHeader() {
  const { treeOptions } = useCanvasScope();
  const { sorting } = useStore(treeOptions);
  const sortBy = (key: SortKey) => {
    const options = treeOptions.get();
    treeOptions.set({ ...options, sorting: nextSorting(options.sorting, key) });
  };
  return (
    <div role="rowgroup" className="sticky top-0 z-10">
      {/* biome-ignore lint/a11y/useFocusableInteractive: its buttons have the focus */}
      <div
        role="row"
        aria-rowindex={1}
        className={`h-8 items-center border-b border-line bg-ground px-2 text-xs text-muted ${ROW_GRID}`}
      >
        {COLUMNS.map(({ key, label, shown }) => {
          const isSorted = sorting.key === key;
          const order = isSorted ? (sorting.descending ? "descending" : "ascending") : "none";
          return (
            <Cell
              key={key}
              role="columnheader"
              aria-sort={order}
              className={`${shown} min-w-0 ${key === "title" ? "pl-[30px]" : ""}`}
            >
              <button
                type="button"
                onClick={() => sortBy(key)}
                className={`-mx-1.5 flex items-center gap-1 rounded px-1.5 py-0.5 font-medium hover:bg-hover hover:text-ink ${isSorted ? "text-ink" : ""}`}
              >
                {label}
                {isSorted && <Icon name={sorting.descending ? "down" : "up"} size={12} />}
              </button>
            </Cell>
          );
        })}
        <Cell role="columnheader">
          <span className="sr-only">Actions</span>
        </Cell>
      </div>
    </div>
  );
}

/** A column is sorted up, then down, then not: as the nodes were made. Times begin with the latest. */
export function nextSorting(now: Sorting, key: SortKey): Sorting {
  const first = key === "updated";
  if (now.key !== key) return { key, descending: first };
  if (now.descending === first) return { key, descending: !first };
  return { key: "created", descending: false };
}
