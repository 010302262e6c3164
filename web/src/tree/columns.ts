import type { SortKey } from "./options";

interface Column {
  key: SortKey;
  label: string;
  /** From which width of the view it is there. */
  shown: string;
}

/** The columns of the tree. Where there is little room the last ones go first. */
export const COLUMNS: readonly Column[] = [
  { key: "title", label: "Title", shown: "" },
  { key: "status", label: "Status", shown: "" },
  { key: "author", label: "Author", shown: "hidden @min-[640px]:flex" },
  { key: "due", label: "Due", shown: "hidden @min-[740px]:flex" },
  { key: "tags", label: "Tags", shown: "hidden @min-[1060px]:flex" },
  { key: "updated", label: "Updated", shown: "hidden @min-[880px]:flex" },
];

export const shownFrom = (key: SortKey): string => COLUMNS.find((column) => column.key === key)?.shown ?? "";

/** A row's grid; the last column is its menu. */
export const ROW_GRID =
  "grid grid-cols-[minmax(0,1fr)_112px_40px] @min-[640px]:grid-cols-[minmax(0,1fr)_112px_144px_40px] " +
  "@min-[740px]:grid-cols-[minmax(0,1fr)_112px_144px_84px_40px] " +
  "@min-[880px]:grid-cols-[minmax(0,1fr)_112px_144px_84px_116px_40px] " +
  "@min-[1060px]:grid-cols-[minmax(0,1fr)_112px_144px_84px_168px_116px_40px]";

/** In pixels. */
export const ROW_HEIGHT = 36;
