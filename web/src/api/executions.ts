import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { newId } from "../lib/id";
import { ApiError, request, withQuery } from "./http";
import { usePages } from "./pages";
import { everything } from "./queries";
import type { Page } from "./types";

/** Where a run stands. */
export type ExecutionStatus =
  | "pending"
  | "running"
  | "paused"
  | "awaiting_input"
  | "complete"
  | "failed"
  | "cancelled";

/** What a run is doing. */
export type ExecutionPhase = "analyze" | "plan" | "execute" | "handle_tool" | "wait_human" | "finalize";

/** What a run asks of a person. */
export interface Question {
  id: string;
  question: string;
  options: string[];
  context: string | null;
  /** Whether it asks to be allowed to do something. */
  approval: boolean;
  askedAt: string;
  /** When the run goes on without an answer. */
  expiresAt: string | null;
  /** What it takes for the answer then. */
  default: string | null;
}

/** An agent's run on a node. */
export interface Execution {
  id: string;
  nodeId: string;
  projectId: string;
  status: ExecutionStatus;
  phase: ExecutionPhase | null;
  /** What it was told and does not do yet. */
  control: "pause" | "cancel" | null;
  agentName: string;
  requestedBy: string;
  parentExecutionId: string | null;
  depth: number;
  mode: "write" | "propose";
  target: "output" | "body";
  instructions: string | null;
  model: string | null;
  tokensIn: number;
  tokensOut: number;
  tokensCached: number;
  tokenBudget: number;
  /** Null: it is not known, which is not to say that it cost nothing. */
  estimatedCostUsd: string | null;
  question: Question | null;
  error: { code: string; message: string } | null;
  outputItemId: string | null;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
}

/** A step of a run. What `data` holds depends on the type, and is read where it is shown. */
export interface TraceEvent {
  id: string;
  executionId: string;
  /** Its place among the run's steps, from 1. */
  seq: number;
  /** Grows within the run with every change of any of its steps. */
  changed: number;
  type: string;
  at: string;
  /** Null: it is under way. */
  durationMs: number | null;
  model: string | null;
  tokensIn: number | null;
  tokensOut: number | null;
  estimatedCostUsd: string | null;
  data: Record<string, unknown>;
}

/** How a run is begun; what is left out is the server's to say. */
export interface ExecuteOptions {
  instructions?: string;
  agentName?: string;
  templateId?: string;
  model?: string;
  tokenBudget?: number;
  mode?: Execution["mode"];
  target?: Execution["target"];
  plan?: boolean;
  ifBusy?: "refuse" | "enqueue";
  subnodes?: "leave" | "run";
}

/** A place of a document's log that an edit was written at. */
export interface EditedDocument {
  name: string;
  epoch: number;
  seq: number;
}

export const OPEN_STATUSES = ["pending", "running", "paused", "awaiting_input"] as const;

/** Whether a run has not ended. */
export function isOpen({ status }: Pick<Execution, "status">): boolean {
  return (OPEN_STATUSES as readonly ExecutionStatus[]).includes(status);
}

export const executionKeys = {
  every: ["execution"] as const,
  one: (id: string) => ["execution", id] as const,
  traces: ["trace"] as const,
  trace: (id: string) => ["trace", id] as const,
  ofNode: (nodeId: string) => ["executions", "node", nodeId] as const,
  open: (projectId: string) => ["executions", "open", projectId] as const,
};

const NOT_FOUND = 404;

/** Whether a server answered that it has no such address: one without agents. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === NOT_FOUND;
}

/** How often it is looked what runs there are, if no event says so. */
const LOOK_EVERY_MS = 60_000;

/** How many open runs of a project are known of at once. */
const OPEN_SHOWN_MAX = 200;

/** The runs of a project that have not ended, the newest first; null: the server has no agents. */
export function openExecutionsQuery(projectId: string) {
  return {
    queryKey: executionKeys.open(projectId),
    refetchInterval: LOOK_EVERY_MS,
    queryFn: async (): Promise<Execution[] | null> => {
      try {
        const query = { status: OPEN_STATUSES.join(","), limit: OPEN_SHOWN_MAX };
        const path = withQuery(`/projects/${projectId}/executions`, query);
        return (await request<Page<Execution>>("GET", path)).items;
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
  };
}

/** The runs of a node, the newest first. */
export function useNodeExecutions(nodeId: string) {
  return usePages<Execution>(executionKeys.ofNode(nodeId), `/nodes/${nodeId}/executions`, { limit: 20 });
}

export function fetchExecution(id: string): Promise<Execution> {
  return request<Execution>("GET", `/executions/${id}`);
}

/** The run that is open on a node, else its latest. */
export function fetchLatestExecution(nodeId: string): Promise<Execution> {
  return request<Execution>("GET", `/nodes/${nodeId}/execution`);
}

function executionQuery(id: string) {
  return { queryKey: executionKeys.one(id), queryFn: () => fetchExecution(id) };
}

/** A run; while it is open, it is looked at from time to time even if no event speaks of it. */
export function useExecution(id: string) {
  return useQuery({
    ...executionQuery(id),
    refetchInterval: ({ state }) => (state.data && isOpen(state.data) ? LOOK_EVERY_MS : false),
  });
}

/**
 * The steps of two readings together, in order; of a step that both have, what is newer. Steps that did not change
 * keep their identity.
 */
export function mergeTrace(known: readonly TraceEvent[], more: readonly TraceEvent[]): TraceEvent[] {
  const byId = new Map(known.map((event) => [event.id, event]));
  for (const event of more) {
    const before = byId.get(event.id);
    if (!before || before.changed < event.changed) byId.set(event.id, event);
  }
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}

/** All steps of a run. Those that events bring meanwhile are kept (`agents/follow.ts`). */
export function useTrace(id: string | null) {
  const queries = useQueryClient();
  const queryKey = executionKeys.trace(id ?? "");
  return useQuery({
    queryKey,
    enabled: id !== null,
    staleTime: 0,
    queryFn: async () => {
      const read = await everything<TraceEvent>(withQuery(`/executions/${id}/trace`, { limit: 200 }));
      return mergeTrace(read, queries.getQueryData<TraceEvent[]>(queryKey) ?? []);
    },
  });
}

/** Begins runs, and steers them. */
export function useExecutionChanges() {
  const queries = useQueryClient();
  const keep = (execution: Execution) => {
    const queryKey = executionKeys.one(execution.id);
    queries.setQueryData(queryKey, execution);
    // An event may have told of something newer before the answer was here.
    void queries.invalidateQueries({ queryKey });
    return queries.invalidateQueries({ queryKey: ["executions"] });
  };
  const steer = (what: "pause" | "resume" | "cancel" | "retry") => ({
    mutationFn: (id: string) => request<Execution>("POST", `/executions/${id}/${what}`),
    onSuccess: keep,
  });
  return {
    run: useMutation({
      mutationFn: ({ nodeId, options }: { nodeId: string; options: ExecuteOptions }) =>
        request<Execution>("POST", `/nodes/${nodeId}/execute`, options, { "Idempotency-Key": newId() }),
      onSuccess: keep,
    }),
    pause: useMutation(steer("pause")),
    resume: useMutation(steer("resume")),
    cancel: useMutation(steer("cancel")),
    retry: useMutation(steer("retry")),
    answer: useMutation({
      mutationFn: ({ id, ...input }: { id: string; questionId: string; response: string }) =>
        request<Execution>("POST", `/executions/${id}/input`, input),
      onSuccess: keep,
    }),
    undo: useMutation({
      mutationFn: (id: string) => request<{ documents: EditedDocument[] }>("POST", `/executions/${id}/undo`),
      onSuccess: () => queries.invalidateQueries({ queryKey: ["history"] }),
    }),
  };
}
