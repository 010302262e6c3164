import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Execution, executionKeys, mergeTrace, type TraceEvent } from "../api/executions";
import { aCall, aRun } from "./fixtures";
import { RunFollower, withExecution } from "./follow";

let queries: QueryClient;
let follower: RunFollower;
let onServer: Execution | null;
let asked: string[];

beforeEach(() => {
  vi.useFakeTimers();
  queries = new QueryClient();
  follower = new RunFollower(queries, "project");
  onServer = null;
  asked = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return onServer ? Response.json(onServer) : new Response("{}", { status: 500 });
  });
});
afterEach(() => {
  follower.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const event = (type: string, payload: Record<string, unknown>) => ({
  id: "1",
  type,
  projectId: "project",
  nodeId: "node",
  payload: { executionId: "run", ...payload },
});
const open = () => queries.getQueryData<Execution[]>(executionKeys.open("project"));

describe("what events say of runs", () => {
  it("shows another phase at once, without asking", async () => {
    queries.setQueryData(executionKeys.open("project"), [aRun({ phase: "plan" })]);
    follower.take(event("execution_update", { status: "running", phase: "execute" }));
    expect(open()?.[0]?.phase).toBe("execute");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([]);
  });

  it("asks once for what else came with another status, and lets go of a run that has ended", async () => {
    queries.setQueryData(executionKeys.open("project"), [aRun()]);
    onServer = aRun({ status: "complete", tokensOut: 80 });
    follower.take(event("execution_update", { status: "complete", phase: null }));
    follower.take(event("execution_update", { status: "complete", phase: null }));
    expect(open()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(1);
    expect(queries.getQueryData<Execution>(executionKeys.one("run"))?.tokensOut).toBe(80);
  });

  it("hears of a run that somebody else began", async () => {
    queries.setQueryData(executionKeys.open("project"), []);
    onServer = aRun({ status: "pending" });
    follower.take(event("execution_update", { status: "pending", phase: null }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(open()?.map(({ id }) => id)).toEqual(["run"]);
  });

  it("adds steps to a trace that somebody looks at, and to no other", () => {
    follower.take(event("trace", { event: aCall(1) }));
    expect(queries.getQueryState(executionKeys.trace("run"))).toBeUndefined();
    queries.setQueryData<TraceEvent[]>(executionKeys.trace("run"), [aCall(1)]);
    follower.take(event("trace", { event: aCall(2) }));
    follower.take(event("trace", { event: { seq: "nonsense" } }));
    const trace = queries.getQueryData<TraceEvent[]>(executionKeys.trace("run"));
    expect(trace?.map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

it("keeps the newest of each step, in order, whichever came first", () => {
  const [early, late] = [aCall(1, { changed: 1, durationMs: null }), aCall(1, { changed: 5 })];
  expect(mergeTrace([late, aCall(3)], [early, aCall(2)])).toEqual([late, aCall(2), aCall(3)]);
  expect(mergeTrace([early], [late])).toEqual([late]);
});

it("lists open runs with the newest first", () => {
  const [a, b] = [aRun({ id: "a", createdAt: "2026-01-01" }), aRun({ id: "b", createdAt: "2026-01-02" })];
  expect(withExecution([a], b).map(({ id }) => id)).toEqual(["b", "a"]);
  expect(withExecution([b, a], { ...b, status: "failed" })).toEqual([a]);
});
