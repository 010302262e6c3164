import { beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { boxOf, Canvas, isDeleted, metadataOf, parentOf, stringsOf } from "./canvas";

/** Two canvases that are in step, as over a fast connection. */
function pair(): [Canvas, Canvas] {
  const a = new Y.Doc();
  const b = new Y.Doc();
  a.on("update", (update: Uint8Array, origin: unknown) => origin !== b && Y.applyUpdate(b, update, a));
  b.on("update", (update: Uint8Array, origin: unknown) => origin !== a && Y.applyUpdate(a, update, b));
  return [new Canvas(a), new Canvas(b)];
}

const AUTHOR = { userId: "6f9b1f8e-0000-4000-8000-000000000001", status: "draft" };

let mine: Canvas;
let theirs: Canvas;
beforeEach(() => {
  [mine, theirs] = pair();
});

describe("a canvas", () => {
  it("adds a node in the shape of the project document", () => {
    const id = mine.addNode({ x: 10, y: 20 }, { ...AUTHOR, title: "Plan" });
    expect(theirs.node(id)?.toJSON()).toEqual({
      title: "Plan",
      status: "draft",
      authorType: "human",
      authorUserId: AUTHOR.userId,
      x: 10,
      y: 20,
      metadata: {},
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  it("moves all dragged nodes of a frame in one transaction", () => {
    const ids = [mine.addNode({ x: 0, y: 0 }, AUTHOR), mine.addNode({ x: 0, y: 0 }, AUTHOR)];
    let updates = 0;
    mine.doc.on("update", () => {
      updates += 1;
    });
    mine.moveNodes(new Map(ids.map((id, index) => [id, { x: index + 1, y: 5 }])));
    expect(updates).toBe(1);
    mine.moveNodes(new Map(ids.map((id, index) => [id, { x: index + 1, y: 5 }])));
    expect(updates).toBe(1);
  });

  it("undoes a drag of many frames as one step, back to where it began", () => {
    const id = mine.addNode({ x: 0, y: 0 }, AUTHOR);
    mine.beginStep();
    for (let x = 1; x <= 30; x += 1) mine.moveNodes(new Map([[id, { x, y: x }]]));
    mine.endStep();
    mine.undo.undo();
    expect(boxOf(mine.nodes.get(id) as Y.Map<unknown>)).toMatchObject({ x: 0, y: 0 });
    mine.undo.redo();
    expect(boxOf(mine.nodes.get(id) as Y.Map<unknown>)).toMatchObject({ x: 30, y: 30 });
  });

  it("undoes my edits only", () => {
    const id = theirs.addNode({ x: 0, y: 0 }, { ...AUTHOR, title: "Theirs" });
    mine.changeText(id, "status", "complete");
    theirs.changeText(id, "title", "Theirs, renamed");
    mine.undo.undo();
    expect(mine.node(id)?.get("status")).toBe("draft");
    expect(mine.node(id)?.get("title")).toBe("Theirs, renamed");
    expect(mine.undo.canUndo()).toBe(false);
  });

  it("does not undo what somebody else has set since", () => {
    const id = theirs.addNode({ x: 0, y: 0 }, AUTHOR);
    mine.changeText(id, "title", "Mine");
    theirs.changeText(id, "title", "Theirs");
    mine.undo.undo();
    expect(mine.node(id)?.get("title")).toBe("Theirs");
  });

  it("undoes a creation by putting the node into the trash, with what others did to it", () => {
    const id = mine.addNode({ x: 0, y: 0 }, AUTHOR);
    theirs.changeText(id, "title", "They worked on it");
    mine.undo.undo();
    expect(theirs.node(id)).toBeNull();
    expect(isDeleted(theirs.nodes.get(id) as Y.Map<unknown>)).toBe(true);
    theirs.restore(id);
    expect(mine.node(id)?.get("title")).toBe("They worked on it");
  });

  it("deletes softly and hides the node's edges; undo and the trash bring all of it back", () => {
    const [a, b, c] = [0, 1, 2].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string, string];
    mine.connect(a, b);
    mine.connect(b, c);
    mine.connect(a, c);
    mine.remove(new Set([b]));
    expect(theirs.node(b)).toBeNull();
    expect(theirs.links()).toHaveLength(1);
    mine.undo.undo();
    expect(theirs.node(b)).not.toBeNull();
    expect(theirs.links()).toHaveLength(3);
    mine.remove(new Set([a, b]));
    expect(theirs.restore(b)).toBe(0);
    expect(theirs.links()).toHaveLength(1);
    theirs.restore(a);
    expect(mine.links()).toHaveLength(3);
  });

  it("restores a node without the edges that would close a cycle by now", () => {
    const [a, b, c] = [0, 1, 2].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string, string];
    mine.connect(a, b);
    mine.connect(b, c);
    mine.remove(new Set([b]));
    expect(mine.connect(c, a)).toBeNull();
    expect(mine.restore(b)).toBe(1);
    expect(theirs.links().map(({ source, target }) => [source, target])).toEqual([
      [a, b],
      [c, a],
    ]);
    expect(mine.restore(b)).toBe(0);
  });

  it("removes edges that are named for good", () => {
    const [a, b] = [0, 1].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string];
    mine.connect(a, b);
    mine.remove(new Set(), new Set(mine.links().map(({ id }) => id)));
    expect(theirs.edges.size).toBe(0);
  });

  it("refuses an edge that closes a cycle, repeats one or joins a node to itself", () => {
    const [a, b, c] = [0, 1, 2].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string, string];
    expect(mine.connect(a, b)).toBeNull();
    expect(mine.connect(b, c)).toBeNull();
    expect(mine.connect(c, a)).toBe("cycle");
    expect(mine.connect(a, b)).toBe("exists");
    expect(mine.connect(a, a)).toBe("same-node");
    mine.remove(new Set([b]));
    expect(mine.connect(a, b)).toBe("gone");
    expect(mine.links()).toHaveLength(0);
  });

  it("ignores edges whose ends are deleted when it looks for cycles", () => {
    const [a, b] = [0, 1].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string];
    mine.connect(a, b);
    mine.doc.transact(() => mine.node(b)?.set("deletedAt", "2026-01-01T00:00:00Z"));
    expect(mine.links()).toEqual([]);
  });

  it("sets and removes metadata, also where a node has none yet", () => {
    const id = mine.addNode({ x: 0, y: 0 }, AUTHOR);
    mine.doc.transact(() => mine.node(id)?.delete("metadata"));
    mine.setMetadata(id, "tags", ["a", "b"]);
    const metadata = metadataOf(theirs.node(id) as Y.Map<unknown>);
    expect(stringsOf(metadata?.get("tags"))).toEqual(["a", "b"]);
    mine.setMetadata(id, "tags", null);
    expect(metadata?.has("tags")).toBe(false);
  });

  it("puts nodes inside another as one step, and takes them out again", () => {
    const [a, b, c] = [0, 1, 2].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string, string];
    expect(mine.nest(new Set([b, c]), a)).toBeNull();
    expect([b, c].map((id) => parentOf(theirs.node(id)))).toEqual([a, a]);
    expect(mine.ancestors(b)).toEqual([a]);
    mine.undo.undo();
    expect([b, c].map((id) => parentOf(theirs.node(id)))).toEqual([null, null]);
    mine.undo.redo();
    mine.nest(new Set([b]), null);
    expect(theirs.node(b)?.has("parentId")).toBe(false);
  });

  it("does not put a node inside itself, inside what is inside it, or inside what is gone", () => {
    const [a, b, c] = [0, 1, 2].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string, string];
    mine.nest(new Set([b]), a);
    mine.nest(new Set([c]), b);
    expect(mine.nest(new Set([a]), a)).toBe("inside-itself");
    expect(mine.nest(new Set([a]), c)).toBe("inside-itself");
    mine.remove(new Set([c]));
    expect(mine.nest(new Set([a]), c)).toBe("gone");
    expect(parentOf(theirs.node(a))).toBeNull();
  });

  it("names the ancestors of nodes that two people put inside each other, once each", () => {
    const [a, b] = [0, 1].map(() => mine.addNode({ x: 0, y: 0 }, AUTHOR)) as [string, string];
    mine.doc.transact(() => {
      mine.node(a)?.set("parentId", b);
      mine.node(b)?.set("parentId", a);
    });
    expect(mine.ancestors(a)).toEqual([b, a]);
    expect(mine.nest(new Set([a]), null)).toBeNull();
  });
});
