import type { Execution, TraceEvent } from "../api/executions";

/** A run for tests. */
export function aRun(more: Partial<Execution> = {}): Execution {
  return {
    id: "run",
    nodeId: "node",
    projectId: "project",
    status: "running",
    phase: "execute",
    control: null,
    agentName: "Agent",
    requestedBy: "ada",
    parentExecutionId: null,
    depth: 0,
    mode: "write",
    target: "output",
    instructions: null,
    model: "demo",
    tokensIn: 0,
    tokensOut: 0,
    tokensCached: 0,
    tokenBudget: 1000,
    estimatedCostUsd: null,
    question: null,
    error: null,
    outputItemId: null,
    createdAt: "2026-11-21T12:00:00Z",
    startedAt: "2026-11-21T12:00:01Z",
    completedAt: null,
    ...more,
  };
}

/** A call of a model, for tests. */
export function aCall(seq: number, more: Partial<TraceEvent> = {}): TraceEvent {
  return {
    id: `step ${seq}`,
    executionId: "run",
    seq,
    changed: seq,
    type: "llm_call",
    at: "2026-11-21T12:00:00Z",
    durationMs: 1200,
    model: "demo",
    tokensIn: 100,
    tokensOut: 20,
    estimatedCostUsd: "0.001",
    data: {},
    ...more,
  };
}
