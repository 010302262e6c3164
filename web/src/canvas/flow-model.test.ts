import { beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { Canvas } from "../documents/canvas";
import { FlowModel } from "./flow-model";

const AUTHOR = { userId: null, status: "draft" };
let canvas: Canvas;
let flow: FlowModel;
let ids: string[];

beforeEach(() => {
  canvas = new Canvas(new Y.Doc());
  flow = new FlowModel(canvas);
  ids = [0, 1, 2].map((index) => canvas.addNode({ x: index * 300, y: 0 }, AUTHOR));
});

const idAt = (index: number) => ids[index] as string;

describe("the views of a canvas", () => {
  it("keep the identity of nodes that did not change", () => {
    flow.nodes.subscribe(() => {});
    const before = flow.nodes.get();
    canvas.moveNodes(new Map([[idAt(1), { x: 7, y: 7 }]]));
    const after = flow.nodes.get();
    expect(after[0]).toBe(before[0]);
    expect(after[2]).toBe(before[2]);
    expect(after[1]?.position).toEqual({ x: 7, y: 7 });
  });

  it("do not render again for a title, a status or metadata", () => {
    const rendered = vi.fn();
    flow.nodes.subscribe(rendered);
    canvas.changeText(idAt(0), "title", "Renamed");
    canvas.changeText(idAt(0), "status", "complete");
    canvas.setMetadata(idAt(0), "priority", "high");
    expect(rendered).not.toHaveBeenCalled();
  });

  it("leave out nodes in the trash and their edges", () => {
    canvas.connect(idAt(0), idAt(1));
    expect(flow.edges.get()).toHaveLength(1);
    canvas.doc.transact(() => canvas.nodes.get(idAt(1))?.set("deletedAt", "2026-01-01T00:00:00Z"));
    expect(flow.nodes.get().map(({ id }) => id)).toEqual([idAt(0), idAt(2)]);
    expect(flow.edges.get()).toEqual([]);
  });

  it("mark a cycle that two people closed at once", () => {
    const other = new Canvas(new Y.Doc());
    Y.applyUpdate(other.doc, Y.encodeStateAsUpdate(canvas.doc));
    canvas.connect(idAt(0), idAt(1));
    other.connect(idAt(1), idAt(0));
    flow.edges.subscribe(() => {});
    expect(flow.edges.get().map((edge) => edge.data?.conflict)).toEqual([false]);
    Y.applyUpdate(canvas.doc, Y.encodeStateAsUpdate(other.doc));
    expect(flow.edges.get().map((edge) => edge.data?.conflict)).toEqual([true, true]);
  });

  it("name an edge by the titles of its ends, as they are now", () => {
    canvas.connect(idAt(0), idAt(1));
    flow.edges.subscribe(() => {});
    expect(flow.edges.get()[0]?.ariaLabel).toBe("Edge from Untitled to Untitled");
    canvas.changeText(idAt(0), "title", "Plan");
    expect(flow.edges.get()[0]?.ariaLabel).toBe("Edge from Plan to Untitled");
  });

  it("keep exactly one card in the tab order", () => {
    const stops = () => flow.nodes.get().filter((node) => node.domAttributes?.tabIndex === 0);
    expect(stops().map(({ id }) => id)).toEqual([idAt(0)]);
    flow.select([idAt(2)]);
    expect(stops().map(({ id }) => id)).toEqual([idAt(2)]);
  });

  it("know the only selected node, unless it was deleted", () => {
    flow.select([idAt(1)]);
    expect(flow.onlyNode).toBe(idAt(1));
    flow.applySelection("nodes", [{ id: idAt(2), selected: true }]);
    expect(flow.onlyNode).toBeNull();
    flow.select([idAt(1)]);
    canvas.remove(new Set([idAt(1)]));
    expect(flow.onlyNode).toBeNull();
  });
});
