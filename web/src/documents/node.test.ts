import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { fileOf, kindOf, NodeDocument, replaceText, sortedItems } from "./node";

const labels = (node: NodeDocument) => sortedItems(node.inputs).map((item) => item.get("label"));

function withInputs(...names: string[]): NodeDocument {
  const node = new NodeDocument(new Y.Doc());
  for (const label of names)
    node.addItem("inputs", { kind: "link", label, url: "https://example.org" }, null);
  return node;
}

const at = (node: NodeDocument, index: number) => sortedItems(node.inputs)[index] as Y.Map<unknown>;

describe("a node document", () => {
  it("adds items of each kind in the shape of the node document", () => {
    const node = new NodeDocument(new Y.Doc());
    node.addItem("outputs", { kind: "text", label: "Note" }, "user-1");
    node.addItem("outputs", { kind: "node", label: "Plan", sourceNodeId: "node-1" }, null);
    node.addItem("outputs", { kind: "file", label: "a.pdf", fileId: "file-1" }, null);
    const [text, reference, file] = sortedItems(node.outputs) as [
      Y.Map<unknown>,
      Y.Map<unknown>,
      Y.Map<unknown>,
    ];
    expect(kindOf(text)).toBe("text");
    expect(text.get("text")).toBeInstanceOf(Y.XmlFragment);
    expect(text.get("provenance")).toMatchObject({ userId: "user-1" });
    expect(kindOf(reference)).toBe("node");
    expect(reference.get("sourceNodeId")).toBe("node-1");
    expect(kindOf(file)).toBe("file");
    expect(fileOf(file)).toBe("file-1");
  });

  it("moves items by their order alone, so that concurrent edits of them survive", () => {
    const node = withInputs("a", "b", "c", "d");
    const moved = at(node, 3);
    node.moveItem("inputs", moved, -1);
    expect(labels(node)).toEqual(["a", "b", "d", "c"]);
    node.moveItem("inputs", moved, -1);
    node.moveItem("inputs", moved, -1);
    expect(labels(node)).toEqual(["d", "a", "b", "c"]);
    node.moveItem("inputs", moved, 1);
    expect(labels(node)).toEqual(["a", "d", "b", "c"]);
    expect(at(node, 1)).toBe(moved);
  });

  it("moves items that share one order", () => {
    const node = withInputs("a", "b", "c");
    node.doc.transact(() => {
      for (const item of node.inputs) item.delete("sortOrder");
    });
    node.moveItem("inputs", at(node, 2), -1);
    expect(labels(node)).toEqual(["a", "c", "b"]);
  });

  it("keeps moving items up however often it is done", () => {
    const node = withInputs("a", "b", "c");
    for (let round = 0; round < 200; round += 1) {
      const before = labels(node);
      node.moveItem("inputs", at(node, 2), -1);
      expect(labels(node)).toEqual([before[0], before[2], before[1]]);
    }
  });

  it("undoes a deletion with the text that was in it", () => {
    const node = new NodeDocument(new Y.Doc());
    node.addItem("inputs", { kind: "text", label: "Note" }, null);
    const fragment = at(node, 0).get("text") as Y.XmlFragment;
    fragment.insert(0, [new Y.XmlText("kept")]);
    node.removeItem("inputs", at(node, 0));
    expect(node.inputs.length).toBe(0);
    node.undo.undo();
    expect(String(at(node, 0).get("text"))).toContain("kept");
  });

  it("does not undo the body or what others do", () => {
    const node = withInputs("a");
    node.body.insert(0, [new Y.XmlText("body")]);
    node.inputs.push([new Y.Map([["label", "by somebody else"]])]);
    node.undo.undo();
    expect(node.body.length).toBe(1);
    expect(labels(node)).toEqual(["by somebody else"]);
    expect(node.undo.canUndo()).toBe(false);
  });
});

describe("replaceText", () => {
  const texts = [
    "",
    "abc",
    "abXc",
    "a",
    "🙂🙃",
    "🙂🙂🙃",
    "🙃",
    "a🙂",
    "a🙃",
    "hello world",
    "hello there world",
  ];

  it("leads from any text to any other", () => {
    for (const from of texts) {
      for (const to of texts) {
        const doc = new Y.Doc();
        const text = doc.getText();
        text.insert(0, from);
        doc.transact(() => replaceText(text, to));
        const copy = new Y.Doc();
        Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
        expect(copy.getText().toString()).toBe(to);
      }
    }
  });

  it("touches only what changed", () => {
    const text = new Y.Doc().getText();
    text.insert(0, "hello world");
    let delta: unknown;
    text.observe((event) => {
      delta = event.delta;
    });
    replaceText(text, "hello brave world");
    expect(delta).toEqual([{ retain: 6 }, { insert: "brave " }]);
  });
});
