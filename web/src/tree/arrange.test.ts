import { describe, expect, it } from "vitest";
import { arrange } from "./arrange";
import type { NodeFacts } from "./node-table";
import { comparing } from "./order";

const BESIDE = { names: new Map(), states: [], updatedAt: () => undefined };
const byTitle = comparing({ key: "title", descending: false }, BESIDE);
const NOTHING: ReadonlySet<string> = new Set();

function node(id: string, parentId: string | null = null, more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    id,
    parentId,
    title: id,
    status: "draft",
    isAgent: false,
    authorId: "",
    priority: "",
    dueDate: "",
    tags: [],
    createdAt: "",
    ...more,
  };
}

const table = (...nodes: NodeFacts[]) => new Map(nodes.map((it) => [it.id, it]));

function outline(nodes: Map<string, NodeFacts>, options: Partial<Parameters<typeof arrange>[1]> = {}) {
  const rows = arrange(nodes, { compare: byTitle, matches: null, folded: NOTHING, ...options });
  return rows.map((row) => `${"-".repeat(row.level - 1)}${row.node.id}`);
}

describe("the rows of the tree", () => {
  it("have what is inside a node below it, sorted among siblings", () => {
    expect(outline(table(node("b"), node("a"), node("z", "a"), node("y", "a"), node("x", "y")))).toEqual([
      "a",
      "-y",
      "--x",
      "-z",
      "b",
    ]);
  });

  it("say where among its siblings a node is", () => {
    const rows = arrange(table(node("a"), node("b"), node("c", "a")), {
      compare: byTitle,
      matches: null,
      folded: NOTHING,
    });
    expect(rows.map((row) => [row.position, row.siblings, row.hasChildren])).toEqual([
      [1, 2, true],
      [1, 1, false],
      [2, 2, false],
    ]);
  });

  it("leave out what is inside a folded node", () => {
    const nodes = table(node("a"), node("b", "a"), node("c", "b"), node("d"));
    expect(outline(nodes, { folded: new Set(["a"]) })).toEqual(["a", "d"]);
    expect(outline(nodes, { folded: new Set(["b"]) })).toEqual(["a", "-b", "d"]);
  });

  it("have what matches and what holds it, folded or not", () => {
    const nodes = table(node("a"), node("b", "a"), node("c", "b"), node("d"));
    const rows = arrange(nodes, {
      compare: byTitle,
      matches: ({ id }) => id === "c",
      folded: new Set(["a"]),
    });
    expect(rows.map((row) => [row.node.id, row.isMatch])).toEqual([
      ["a", false],
      ["b", false],
      ["c", true],
    ]);
  });

  it("show at the top what is inside a node that is gone", () => {
    expect(outline(table(node("a", "gone")))).toEqual(["a"]);
  });

  it("show nodes that are inside each other, and mark them", () => {
    const nodes = table(node("c", "b"), node("b", "c"), node("inside", "b"), node("own", "own"));
    expect(outline(nodes)).toEqual(["b", "-c", "-inside", "own"]);
    const rows = arrange(nodes, { compare: byTitle, matches: null, folded: NOTHING });
    expect(rows.map((row) => row.isInItself)).toEqual([true, true, false, true]);
  });

  it("of ten thousand nodes come in a moment", () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      node(`n${index}`, index > 0 ? `n${Math.floor((index - 1) / 3)}` : null, { title: `T ${index % 97}` }),
    );
    const nodes = table(...many);
    const start = performance.now();
    expect(outline(nodes)).toHaveLength(10_000);
    // Some 50 ms here; the bound leaves room for a busy machine, not for work that grows with the square.
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
