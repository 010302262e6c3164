import { expect, it } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { tail, writtenLine } from "./live-text";

const RUN = { id: "run", target: "body", outputItemId: null } as const;

function written(...lines: string[]): Y.Doc {
  const doc = new Y.Doc();
  for (const line of lines) {
    const paragraph = new Y.XmlElement("paragraph");
    doc.getXmlFragment("body").push([paragraph]);
    paragraph.push([new Y.XmlText(line)]);
  }
  return doc;
}

function caret(doc: Y.Doc, state: Record<string, unknown>): Awareness {
  const mine = new Awareness(doc);
  const theirs = new Awareness(new Y.Doc());
  theirs.setLocalState(state);
  applyAwarenessUpdate(mine, encodeAwarenessUpdate(theirs, [theirs.clientID]), null);
  return mine;
}

it("shows the line up to the agent's caret", () => {
  const doc = written("The first line", "The last");
  const first = (doc.getXmlFragment("body").get(0) as Y.XmlElement).get(0) as Y.XmlText;
  const head = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(first, 9));
  expect(writtenLine(doc, caret(doc, { run: "run", cursor: { anchor: head, head } }), RUN)).toBe("The first");
});

it("shows the last line that is not empty where no caret is known, whatever the presence says", () => {
  const doc = written("First", "Last", "");
  for (const cursor of [null, "x", { head: 5 }, { head: { type: { client: "a" } } }]) {
    expect(writtenLine(doc, caret(doc, { run: "run", cursor }), RUN)).toBe("Last");
  }
  expect(writtenLine(doc, caret(doc, {}), { ...RUN, target: "output" })).toBe("");
});

it("cuts a long line between words", () => {
  expect(tail("short", 20)).toBe("short");
  expect(tail("one two three four five", 12)).toBe("…four five");
});
