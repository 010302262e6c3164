import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { executionKeys } from "../api/executions";
import { aRun } from "./fixtures";
import { OpenRuns } from "./open-runs";

let queries: QueryClient;
beforeEach(() => {
  queries = new QueryClient({
    defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } },
  });
});
afterEach(() => {
  queries.clear();
  vi.unstubAllGlobals();
});

const put = (...runs: ReturnType<typeof aRun>[]) => queries.setQueryData(executionKeys.open("project"), runs);

it("tells a card of its own run, and only when that changes", () => {
  put(aRun());
  const run = new OpenRuns(queries, "project").of("node");
  const rendered = vi.fn();
  const stop = run.subscribe(rendered);
  const before = run.get();
  expect(before?.id).toBe("run");
  put(aRun(), aRun({ id: "elsewhere", nodeId: "another" }));
  expect(run.get()).toBe(before);
  put(aRun({ phase: "finalize" }));
  expect(run.get()?.phase).toBe("finalize");
  stop();
});

it("names the run that is at work before one that waits for its turn", () => {
  const waiting = aRun({ id: "waiting", status: "pending", createdAt: "2026-11-21T13:00:00Z" });
  put(waiting, aRun());
  expect(new OpenRuns(queries, "project").of("node").get()?.id).toBe("run");
});

it("knows of no runs where the server has no agents", async () => {
  vi.stubGlobal("fetch", async () => Response.json({ code: "NOT_FOUND" }, { status: 404 }));
  const { list } = new OpenRuns(queries, "project");
  const asked = new Promise<void>((resolve) => {
    const stop = list.subscribe(() => {
      if (queries.isFetching() > 0) return;
      stop();
      resolve();
    });
  });
  await asked;
  expect(list.get()).toBeNull();
});
