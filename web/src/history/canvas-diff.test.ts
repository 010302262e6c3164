import { expect, it } from "vitest";
import type { FieldChange } from "../api/history";
import { canvasDiff } from "./canvas-diff";

const by = (seq: number) => ({ principal: "user:1", from: "", until: "", firstSeq: seq, lastSeq: seq });
const change = (path: string, before: unknown, after: unknown, seq = 1): FieldChange => ({
  path: path.split("/"),
  before,
  after,
  by: by(seq),
});
const node = (title: string, deletedAt: string | null = null) => ({ title, deletedAt, status: "draft" });
const fates = (...fields: FieldChange[]) =>
  canvasDiff(fields).nodes.map(({ id, fate, title }) => [id, fate, title]);

it("tells what became of nodes", () => {
  expect(
    fates(
      change("nodes/a", undefined, node("A")),
      change("nodes/b", node("B"), undefined),
      change("nodes/c/deletedAt", null, "2026-11-21"),
      change("nodes/d/deletedAt", "2026-11-21", null),
      change("nodes/e/title", "Old", "E"),
    ),
  ).toEqual([
    ["a", "added", "A"],
    ["b", "deleted", "B"],
    ["c", "deleted", null],
    ["d", "restored", null],
    ["e", "changed", "E"],
  ]);
});

it("tells nothing of nodes that were not to be seen before nor after", () => {
  expect(
    fates(
      change("nodes/a", undefined, node("A", "2026-11-21")),
      change("nodes/b", node("B", "2026-11-21"), undefined),
    ),
  ).toEqual([]);
});

it("joins what changed of one node, and where it is into one change, by whoever changed it last", () => {
  const [changed] = canvasDiff([
    change("nodes/a/metadata/dueDate", undefined, "2026-12-01"),
    change("nodes/a/parentId", "p", null),
    change("nodes/a/x", 1, 2, 4),
    change("nodes/a/y", 1, 2, 7),
  ]).nodes;
  expect(changed?.fields.map(({ path, before, after }) => [path.join("/"), before, after])).toEqual([
    ["metadata/dueDate", undefined, "2026-12-01"],
    ["parentId", "p", undefined],
  ]);
  expect(changed?.place?.by?.lastSeq).toBe(7);
});

it("tells which edges came and went, and what changed of the project", () => {
  const { edges, project } = canvasDiff([
    change("edges/e", undefined, { sourceNodeId: "a", targetNodeId: "b" }),
    change("edges/f", { sourceNodeId: "b", targetNodeId: "c" }, undefined),
    change("edges/g/targetInputId", null, "i"),
    change("project/name", "Old", "New"),
  ]);
  expect(edges.map(({ id, fate, source, target }) => [id, fate, source, target])).toEqual([
    ["e", "added", "a", "b"],
    ["f", "deleted", "b", "c"],
    ["g", "changed", null, null],
  ]);
  expect(project.map(({ path, after }) => [path.join("/"), after])).toEqual([["name", "New"]]);
});
