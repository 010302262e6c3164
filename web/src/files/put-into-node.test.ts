import type { Provider } from "@glassbox/client";
import { expect, it, vi } from "vitest";
import * as Y from "yjs";
import { NodeDocument } from "../documents/node";
import { aFile } from "./fixtures";
import { putIntoNode } from "./put-into-node";
import type { UploadTarget } from "./uploads";

const TARGET: UploadTarget = { orgId: "org", projectId: "project", nodeId: "node", side: "inputs" };

function begin() {
  const doc = new Y.Doc();
  let load = () => {};
  const whenLoaded = new Promise<void>((resolve) => {
    load = resolve;
  });
  const provider = { whenLoaded, replica: { value: { doc } } } as unknown as Provider;
  const open = vi.fn(() => provider);
  // As if it were never saved.
  const release = vi.fn(() => new Promise<void>(() => {}));
  const stopping = new AbortController();
  const done = putIntoNode({ open, release, userId: "ada" }, TARGET, aFile(), stopping.signal);
  const labels = () => new NodeDocument(doc).inputs.map((item) => item.get("label"));
  return { load, stopping, done, labels, open, release, provider };
}

it("adds a file, and does not wait until that is saved", async () => {
  const { load, done, labels, open, release, provider } = begin();
  expect(open).toHaveBeenCalledWith("node:node");
  load();
  await done;
  expect(labels()).toEqual(["report.pdf"]);
  expect(release).toHaveBeenCalledExactlyOnceWith(provider);
});

it("adds nothing once it is stopped", async () => {
  const { load, stopping, done, labels, release } = begin();
  stopping.abort();
  load();
  await done;
  expect(labels()).toEqual([]);
  expect(release).toHaveBeenCalledOnce();
});
