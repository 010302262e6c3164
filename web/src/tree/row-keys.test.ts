import type { KeyboardEvent } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import type { TreeRow } from "./arrange";
import { handleRowKey, parentIndex, siblingAbove } from "./row-keys";

const row = (id: string, level: number, open?: boolean): TreeRow => ({
  node: {
    id,
    parentId: null,
    title: id,
    status: "",
    isAgent: false,
    authorId: "",
    priority: "",
    dueDate: "",
    tags: [],
    createdAt: "",
  },
  level,
  hasChildren: open !== undefined,
  isExpanded: open ?? false,
  position: 1,
  siblings: 1,
  isMatch: true,
  isInItself: false,
});

// a > (b > c), d (folded)
const ROWS = [row("a", 1, true), row("b", 2, true), row("c", 3), row("d", 1, false)];
const keys = {
  rows: ROWS,
  goTo: vi.fn(),
  fold: vi.fn(),
  toggle: vi.fn(),
  remove: vi.fn(),
  indent: vi.fn(),
  outdent: vi.fn(),
};

beforeEach(() => void vi.clearAllMocks());

function press(key: string, at: number, modifiers: Partial<KeyboardEvent> = {}): boolean {
  return handleRowKey({ key, ...modifiers } as KeyboardEvent, at, keys);
}

it("moves through the rows, and not beyond them", () => {
  press("ArrowDown", 0);
  press("ArrowDown", 3);
  press("ArrowUp", 0, { shiftKey: true });
  press("End", 0);
  expect(keys.goTo.mock.calls).toEqual([
    [1, undefined],
    [3, undefined],
    [0, true],
    [3, undefined],
  ]);
});

it("opens with the right arrow, then goes inside; closes with the left one, then goes out", () => {
  press("ArrowRight", 3);
  expect(keys.fold).toHaveBeenLastCalledWith("d");
  press("ArrowRight", 0);
  expect(keys.goTo).toHaveBeenLastCalledWith(1, undefined);
  press("ArrowLeft", 1);
  expect(keys.fold).toHaveBeenLastCalledWith("b");
  press("ArrowLeft", 2);
  expect(keys.goTo).toHaveBeenLastCalledWith(1, undefined);
});

it("nests with Alt and an arrow, and leaves keys alone that are not its own", () => {
  press("ArrowRight", 1, { altKey: true });
  expect(keys.indent).toHaveBeenCalledWith("b");
  expect(press("a", 0, { ctrlKey: true })).toBe(false);
  expect(press("Enter", 0)).toBe(false);
});

it("finds the row that holds one, and the sibling above", () => {
  expect([0, 1, 2, 3].map((at) => parentIndex(ROWS, at))).toEqual([null, 0, 1, null]);
  expect([0, 1, 2, 3].map((at) => siblingAbove(ROWS, at))).toEqual([null, null, null, 0]);
});
