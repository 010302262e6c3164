import { beforeEach, expect, it } from "vitest";
import * as Y from "yjs";
import { Canvas } from "./canvas";
import { NodeDocument, sortedItems } from "./node";
import { UndoHistory } from "./undo-history";

const AUTHOR = { userId: null, status: "draft" };
let canvas: Canvas;
let node: NodeDocument;
let history: UndoHistory;
let leave: () => void;

beforeEach(() => {
  canvas = new Canvas(new Y.Doc());
  node = new NodeDocument(new Y.Doc());
  history = new UndoHistory();
  history.add(canvas.undo);
  leave = history.add(node.undo);
});

const addLink = (label: string) =>
  node.addItem("inputs", { kind: "link", label, url: "https://example.org" }, null);
const labels = () => sortedItems(node.inputs).map((item) => item.get("label"));

it("takes back the last edit, whichever document it was in", () => {
  const id = canvas.addNode({ x: 0, y: 0 }, AUTHOR);
  addLink("a");
  canvas.changeText(id, "title", "Plan");
  history.undo();
  expect(canvas.node(id)?.get("title")).toBe("");
  expect(labels()).toEqual(["a"]);
  history.undo();
  expect(labels()).toEqual([]);
  history.undo();
  expect(canvas.node(id)).toBeNull();
  expect(history.state.get()).toEqual({ canUndo: false, canRedo: true });
});

it("brings edits back in the order in which they were made", () => {
  const id = canvas.addNode({ x: 0, y: 0 }, AUTHOR);
  addLink("a");
  history.undo();
  history.undo();
  history.redo();
  expect(canvas.node(id)).not.toBeNull();
  expect(labels()).toEqual([]);
  history.redo();
  expect(labels()).toEqual(["a"]);
  expect(history.state.get()).toEqual({ canUndo: true, canRedo: false });
});

it("forgets what was undone, in every document, once something new is done", () => {
  addLink("a");
  history.undo();
  canvas.addNode({ x: 0, y: 0 }, AUTHOR);
  history.redo();
  expect(labels()).toEqual([]);
  expect(history.state.get().canRedo).toBe(false);
});

it("passes over an edit that somebody else has undone by changing the same", () => {
  const id = canvas.addNode({ x: 0, y: 0 }, AUTHOR);
  canvas.changeText(id, "title", "Mine");
  canvas.doc.transact(() => canvas.node(id)?.set("title", "Theirs"), "somebody else");
  history.undo();
  expect(canvas.nodes.get(id)?.get("title")).toBe("Theirs");
});

it("leaves out a document that is closed", () => {
  addLink("a");
  leave();
  expect(history.state.get()).toEqual({ canUndo: false, canRedo: false });
  history.undo();
  expect(labels()).toEqual(["a"]);
});
