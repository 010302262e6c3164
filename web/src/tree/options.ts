/** By what the tree is sorted. */
export type SortKey = "created" | "title" | "status" | "author" | "due" | "tags" | "updated";

export interface Sorting {
  key: SortKey;
  descending: boolean;
}

/** By when nodes are due. */
export type DueFilter = "" | "overdue" | "week" | "none";

/** Which nodes are looked for. An empty member lets all through. */
export interface Filter {
  text: string;
  status: string;
  author: string;
  tag: string;
  due: DueFilter;
}

export interface TreeOptions {
  sorting: Sorting;
  filter: Filter;
  /** The nodes that are folded. */
  folded: ReadonlySet<string>;
}

export const NO_FILTER: Filter = { text: "", status: "", author: "", tag: "", due: "" };

/** The oldest first, everything there and unfolded. */
export const FIRST_OPTIONS: TreeOptions = {
  sorting: { key: "created", descending: false },
  filter: NO_FILTER,
  folded: new Set(),
};

export function isFiltering(filter: Filter): boolean {
  return Object.values(filter).some((value) => value !== "");
}
