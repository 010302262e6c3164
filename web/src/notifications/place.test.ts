import { expect, it } from "vitest";
import { placeOf } from "./place";

const fetchRun = async (id: string) => {
  if (id !== "run") throw new Error("gone");
  return { id, nodeId: "node" };
};

it("leads to the run that a notification is about", async () => {
  const about = (resourceType: string, resourceId: string) =>
    placeOf({ type: "human_input_needed", resourceType, resourceId }, fetchRun);
  expect(await about("execution", "run")).toEqual({ nodeId: "node", part: "runs", runId: "run" });
  expect(await about("execution", "gone")).toEqual({});
  expect(await about("node", "node")).toEqual({ nodeId: "node", part: "runs" });
});

it("leads to the node of any other", async () => {
  const mention = { type: "mention", resourceType: "node", resourceId: "node" };
  expect(await placeOf(mention, fetchRun)).toEqual({ nodeId: "node" });
});
