import { beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { Canvas } from "../documents/canvas";
import { NodeTable } from "./node-table";

const AUTHOR = { userId: "ada", status: "draft" };
let canvas: Canvas;
let table: NodeTable;
let ids: string[];

beforeEach(() => {
  canvas = new Canvas(new Y.Doc());
  table = new NodeTable(canvas);
  ids = [0, 1, 2].map((index) =>
    canvas.addNode({ x: 0, y: 0 }, { ...AUTHOR, title: `Node ${index}`, parentId: ids?.[0] }),
  );
});

const idAt = (index: number) => ids[index] as string;
const rowAt = (index: number) => table.rows.get().get(idAt(index));

describe("the rows of a canvas", () => {
  it("follow an edit, and leave the others as they were", () => {
    table.rows.subscribe(() => {});
    const before = rowAt(0);
    canvas.changeText(idAt(1), "title", "Renamed");
    canvas.setMetadata(idAt(2), "tags", ["a"]);
    expect(rowAt(1)?.title).toBe("Renamed");
    expect(rowAt(2)?.tags).toEqual(["a"]);
    expect(rowAt(0)).toBe(before);
  });

  it("do not change when a card is moved on the canvas", () => {
    const rendered = vi.fn();
    table.rows.subscribe(rendered);
    canvas.moveNodes(new Map([[idAt(0), { x: 5, y: 5 }]]));
    expect(rendered).not.toHaveBeenCalled();
  });

  it("lose what goes into the trash and get it back", () => {
    table.rows.subscribe(() => {});
    canvas.remove(new Set([idAt(1)]));
    expect([...table.rows.get().keys()]).toEqual([idAt(0), idAt(2)]);
    canvas.restore(idAt(1));
    expect(rowAt(1)?.title).toBe("Node 1");
  });

  it("are read anew after a time in which nobody watched", () => {
    const end = table.rows.subscribe(() => {});
    expect(rowAt(0)?.title).toBe("Node 0");
    end();
    canvas.changeText(idAt(0), "title", "Meanwhile");
    expect(rowAt(0)?.title).toBe("Meanwhile");
    table.rows.subscribe(() => {});
    expect(rowAt(0)?.title).toBe("Meanwhile");
  });

  it("tell which nodes were edited, and of a part of them only that", () => {
    const edited = vi.fn();
    table.onEdit(edited);
    table.rows.subscribe(() => {});
    canvas.setMetadata(idAt(2), "dueDate", "2026-11-21");
    expect(edited).toHaveBeenLastCalledWith(new Set([idAt(2)]));
  });
});
