import { describe, expect, it } from "vitest";
import type { NodeFacts } from "./node-table";
import { NO_FILTER, type Sorting } from "./options";
import { type Beside, comparing, isOverdue, matching } from "./order";

const STATES = ["draft", "in_progress", "complete"];
const TODAY = "2026-11-21";

function node(id: string, more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    id,
    parentId: null,
    title: id,
    status: "draft",
    isAgent: false,
    authorId: "",
    priority: "",
    dueDate: "",
    tags: [],
    createdAt: "2026-01-01T00:00:00Z",
    ...more,
  };
}

function sorted(nodes: NodeFacts[], sorting: Sorting, beside: Partial<Beside> = {}): string[] {
  const compare = comparing(sorting, {
    names: new Map(),
    states: STATES,
    updatedAt: () => undefined,
    ...beside,
  });
  return [...nodes].sort(compare).map(({ id }) => id);
}

describe("sorting", () => {
  it("knows numbers in titles, and puts what has no title last either way", () => {
    const nodes = [node("b", { title: "Step 10" }), node("a", { title: "step 9" }), node("c", { title: "" })];
    expect(sorted(nodes, { key: "title", descending: false })).toEqual(["a", "b", "c"]);
    expect(sorted(nodes, { key: "title", descending: true })).toEqual(["b", "a", "c"]);
  });

  it("follows the workflow, with states that it does not know behind", () => {
    const nodes = [
      node("x", { status: "odd" }),
      node("c", { status: "complete" }),
      node("d", { status: "draft" }),
    ];
    expect(sorted(nodes, { key: "status", descending: false })).toEqual(["d", "c", "x"]);
  });

  it("sorts by the names of authors and by times that come from elsewhere", () => {
    const nodes = [node("a", { authorId: "1" }), node("b", { authorId: "2" }), node("c")];
    const names = new Map([
      ["1", "Zoe"],
      ["2", "Ada"],
    ]);
    expect(sorted(nodes, { key: "author", descending: false }, { names })).toEqual(["b", "a", "c"]);
    const times = new Map([
      ["b", 5],
      ["c", 9],
    ]);
    expect(sorted(nodes, { key: "updated", descending: true }, { updatedAt: (id) => times.get(id) })).toEqual(
      ["c", "b", "a"],
    );
  });

  it("keeps equals in the order in which they were made", () => {
    const nodes = [node("a", { createdAt: "2026-02-01" }), node("b", { createdAt: "2026-01-01" })];
    expect(sorted(nodes, { key: "status", descending: true })).toEqual(["b", "a"]);
  });
});

describe("filtering", () => {
  const matches = (it: NodeFacts, filter: Partial<typeof NO_FILTER>) =>
    matching({ ...NO_FILTER, ...filter }, TODAY, STATES)(it);

  it("looks into titles and tags, whatever the case", () => {
    expect(matches(node("Plan"), { text: "pLA" })).toBe(true);
    expect(matches(node("x", { tags: ["Research"] }), { text: "research" })).toBe(true);
    expect(matches(node("x"), { text: "research" })).toBe(false);
  });

  it("asks for all that is set", () => {
    const it = node("x", { status: "draft", tags: ["a"], authorId: "1" });
    expect(matches(it, { status: "draft", tag: "a", author: "1" })).toBe(true);
    expect(matches(it, { status: "draft", tag: "b" })).toBe(false);
  });

  it("knows what is overdue, due within a week, and without a date", () => {
    const due = (dueDate: string, status = "draft") => node("x", { dueDate, status });
    expect(matches(due("2026-11-20"), { due: "overdue" })).toBe(true);
    expect(matches(due("2026-11-20", "complete"), { due: "overdue" })).toBe(false);
    expect(matches(due("2026-11-21"), { due: "overdue" })).toBe(false);
    expect(matches(due("2026-11-27"), { due: "week" })).toBe(true);
    expect(matches(due("2026-11-28"), { due: "week" })).toBe(false);
    expect(matches(due(""), { due: "week" })).toBe(false);
    expect(matches(due(""), { due: "none" })).toBe(true);
    expect(isOverdue(due(""), TODAY, STATES)).toBe(false);
  });
});
