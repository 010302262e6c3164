import { expect, it } from "vitest";
import { placeOf } from "./place";

const BEFORE = "2026-11-21T12:00:00Z";
const AFTER = "2026-11-21T13:00:00Z";
const told = (type: string) => ({ type, resourceType: "node", resourceId: "node", createdAt: AFTER });
const latest = (createdAt: string) => async () => ({ id: "run", createdAt });

it("leads to the run that a notification is about", async () => {
  expect(await placeOf(told("human_input_needed"), latest(BEFORE))).toEqual({
    nodeId: "node",
    part: "runs",
    runId: "run",
  });
});

it("leads to the runs of the node where it is not known which one it was", async () => {
  const runs = { nodeId: "node", part: "runs" };
  const done = { ...told("execution_complete"), createdAt: BEFORE };
  expect(await placeOf(done, latest(AFTER))).toEqual(runs);
  expect(await placeOf(done, () => Promise.reject(new Error("gone")))).toEqual(runs);
});

it("leads to the node of any other", async () => {
  expect(await placeOf(told("mention"), latest(BEFORE))).toEqual({ nodeId: "node" });
  expect(await placeOf({ ...told("mention"), resourceId: null }, latest(BEFORE))).toEqual({});
});
