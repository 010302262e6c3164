import { statusLook } from "../ui/status-pill";
import type { NodeFacts } from "./node-table";
import type { Filter, Sorting, SortKey } from "./options";

/** What rows are compared by that the canvas does not say. */
export interface Beside {
  names: ReadonlyMap<string, string>;
  /** The workflow's states, in order. */
  states: readonly string[];
  /** When a node last changed, in ms; nothing known: before all others. */
  updatedAt: (id: string) => number | undefined;
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Orders rows. What has no value comes last either way; equals stay in the order in which they were made. */
export function comparing({ key, descending }: Sorting, beside: Beside) {
  const value = VALUES[key];
  const sign = descending ? -1 : 1;
  return (a: NodeFacts, b: NodeFacts): number => {
    const [left, right] = [value(a, beside), value(b, beside)];
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
    } else {
      const order = compareValues(left, right);
      if (order !== 0) return sign * order;
    }
    return compareStrings(a.createdAt, b.createdAt) || compareStrings(a.id, b.id);
  };
}

type Value = string | number | null;

const VALUES: Record<SortKey, (node: NodeFacts, beside: Beside) => Value> = {
  created: (node) => node.createdAt || null,
  title: (node) => node.title || null,
  status: (node, { states }) => {
    const index = states.indexOf(node.status);
    return node.status ? (index < 0 ? states.length : index) : null;
  },
  author: (node, { names }) => names.get(node.authorId) ?? null,
  due: (node) => node.dueDate || null,
  tags: (node) => node.tags[0] ?? null,
  updated: (node, { updatedAt }) => updatedAt(node.id) ?? null,
};

function compareValues(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const WEEK_DAYS = 7;

/** Whether a node should have been done by now and is not. `today` is a day, as `2026-11-21`. */
export function isOverdue(node: NodeFacts, today: string, states: readonly string[]): boolean {
  return node.dueDate !== "" && node.dueDate < today && statusLook(node.status, states) !== "good";
}

/** Whether a node is looked for. `today` is a day, as `2026-11-21`. */
export function matching(
  filter: Filter,
  today: string,
  states: readonly string[],
): (node: NodeFacts) => boolean {
  const text = filter.text.trim().toLowerCase();
  const nextWeek = addDays(today, WEEK_DAYS);
  const due = (node: NodeFacts) => {
    if (filter.due === "none") return node.dueDate === "";
    if (filter.due === "overdue") return isOverdue(node, today, states);
    return node.dueDate >= today && node.dueDate < nextWeek;
  };
  return (node) =>
    (text === "" || `${node.title} ${node.tags.join(" ")}`.toLowerCase().includes(text)) &&
    (filter.status === "" || node.status === filter.status) &&
    (filter.author === "" || node.authorId === filter.author) &&
    (filter.tag === "" || node.tags.includes(filter.tag)) &&
    (filter.due === "" || due(node));
}

function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The day here, as `2026-11-21`. */
export function dayOf(now: Date): string {
  const pad = (part: number) => String(part).padStart(2, "0");
  return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}
