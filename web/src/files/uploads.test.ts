import { beforeEach, expect, it, vi } from "vitest";
import type { StoredFile } from "../api/files";
import { ApiError } from "../api/http";
import { aFile } from "./fixtures";
import type { TransferWatch } from "./transfer";
import { UPLOADS_AT_MOST, type Upload, Uploads, type UploadTarget } from "./uploads";

const TARGET: UploadTarget = { orgId: "org", projectId: "project", nodeId: "node", side: "inputs" };

interface FakeTransfer {
  name: string;
  watch: TransferWatch;
  arrive: () => void;
  fail: (error: unknown) => void;
}

let running: FakeTransfer[];
let abandoned: string[];
let putElsewhere: string[];
let putSignals: AbortSignal[];
let unseen: Upload[];
let uploads: Uploads;

beforeEach(() => {
  running = [];
  abandoned = [];
  putElsewhere = [];
  putSignals = [];
  unseen = [];
  uploads = new Uploads({
    start: (_, { name }) => ({
      run: (watch) =>
        new Promise<StoredFile>((resolve, reject) => {
          const arrive = () => resolve(aFile({ id: name, filename: name }));
          running.push({ name, watch, arrive, fail: reject });
        }),
      abandon: () => void abandoned.push(name),
    }),
    putIntoNode: async ({ nodeId }, { id }, signal) => {
      putSignals.push(signal);
      if (id === "never loaded") await new Promise(() => {});
      putElsewhere.push(`${nodeId}: ${id}`);
    },
    onUnseenFailure: (upload) => void unseen.push(upload),
  });
});

const files = (...names: string[]) => names.map((name) => new File(["12345"], name));
const shown = () => uploads.list.get().map(({ name, phase }) => `${name} ${phase}`);
const run = (name: string) => running.find((one) => one.name === name) as FakeTransfer;
const idOf = (name: string) => uploads.list.get().find((upload) => upload.name === name)?.id ?? "";

it("sends a few at a time, and adds each to its list once it has arrived", async () => {
  const put: string[] = [];
  uploads.attach("node", (side, { id }) => put.push(`${side}: ${id}`));
  expect(uploads.add(TARGET, files("a", "b", "c", "d"))).toBe(4);
  expect(shown()).toEqual(["a sending", "b sending", "c sending", "d waiting"]);
  run("b").watch.onSent(3);
  expect(uploads.list.get()[1]?.sentBytes).toBe(3);
  run("b").watch.onConfirming();
  expect(shown()[1]).toBe("b confirming");
  expect(put).toEqual([]);
  run("b").arrive();
  await vi.waitFor(() => expect(put).toEqual(["inputs: b"]));
  await vi.waitFor(() => expect(shown()).toEqual(["a sending", "c sending", "d sending"]));
});

it("adds a file to a node that was closed meanwhile", async () => {
  const detach = uploads.attach("node", () => expect.unreachable());
  uploads.add(TARGET, files("a"));
  detach();
  run("a").arrive();
  await vi.waitFor(() => expect(putElsewhere).toEqual(["node: a"]));
  expect(shown()).toEqual([]);
});

it("keeps what failed, says so where nobody looks, and tries again", async () => {
  uploads.add(TARGET, files("a"));
  const error = new ApiError(0, "UNREACHABLE", "Gone.");
  run("a").fail(error);
  await vi.waitFor(() => expect(shown()).toEqual(["a failed"]));
  expect(uploads.list.get()[0]?.error).toBe(error);
  expect(unseen.map(({ name }) => name)).toEqual(["a"]);
  uploads.attach("node", () => {});
  uploads.retry(idOf("a"));
  expect(shown()).toEqual(["a sending"]);
  running.at(-1)?.fail(error);
  await vi.waitFor(() => expect(shown()).toEqual(["a failed"]));
  expect(unseen).toHaveLength(1);
});

it("cancels what is under way, and adds nothing of it", async () => {
  uploads.add(TARGET, files("a", "b", "c", "d"));
  uploads.cancel(idOf("a"));
  expect(run("a").watch.signal.aborted).toBe(true);
  expect(abandoned).toEqual(["a"]);
  expect(shown()).toEqual(["b sending", "c sending", "d sending"]);
  run("a").arrive();
  await Promise.resolve();
  uploads.destroy();
  expect(shown()).toEqual([]);
  expect(abandoned).toEqual(["a", "b", "c", "d"]);
  expect(putElsewhere).toEqual([]);
});

it("stops what is being added to a node that is not open", async () => {
  uploads.add(TARGET, files("never loaded"));
  run("never loaded").arrive();
  await vi.waitFor(() => expect(putSignals).toHaveLength(1));
  expect(putSignals[0]?.aborted).toBe(false);
  uploads.cancel(idOf("never loaded"));
  expect(putSignals[0]?.aborted).toBe(true);
  expect(abandoned).toEqual(["never loaded"]);
});

it("takes no more than it has room for", () => {
  const many = files(...Array.from({ length: UPLOADS_AT_MOST + 5 }, (_, index) => `f${index}`));
  expect(uploads.add(TARGET, many)).toBe(UPLOADS_AT_MOST);
  expect(uploads.add(TARGET, files("one more"))).toBe(0);
});
