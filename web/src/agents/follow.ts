import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { askAnew } from "../api/ask-anew";
import {
  type Execution,
  executionKeys,
  fetchExecution,
  isOpen,
  mergeTrace,
  type Question,
  type TraceEvent,
} from "../api/executions";
import type { Page } from "../api/types";
import type { ServerEvent } from "../events/event-feed";
import { useProjectEvents } from "../events/project-feed";

/** Changes that come together are asked for together. */
const TOGETHER_MS = 250;

const RUN_EVENTS = ["execution_update", "trace"] as const;

/** What an `execution_update` says of a run. */
export function changesOf(payload: ServerEvent["payload"]): Partial<Execution> {
  const changes: Partial<Execution> = {};
  if (typeof payload.status === "string") changes.status = payload.status as Execution["status"];
  if (payload.phase !== undefined) changes.phase = payload.phase as Execution["phase"];
  if (payload.control !== undefined) changes.control = payload.control as Execution["control"];
  if (payload.question !== undefined) changes.question = payload.question as Question | null;
  return changes;
}

/** The runs that have not ended, after one of them changed. */
export function withExecution(open: readonly Execution[], changed: Execution): Execution[] {
  const others = open.filter(({ id }) => id !== changed.id);
  if (!isOpen(changed)) return others;
  return [changed, ...others].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

/** Keeps what queries hold of runs up to date by what events say. */
export class RunFollower {
  readonly #queries: QueryClient;
  readonly #projectId: string;
  readonly #changed = new Set<string>();
  #timer: number | null = null;

  constructor(queries: QueryClient, projectId: string) {
    this.#queries = queries;
    this.#projectId = projectId;
  }

  destroy(): void {
    if (this.#timer !== null) window.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Takes in an event of the project. */
  take({ type, payload }: ServerEvent): void {
    const id = payload.executionId;
    if (typeof id !== "string") return;
    if (type === "trace") this.#step(id, payload.event);
    else this.#update(id, changesOf(payload));
  }

  /** Something may have been missed: what is shown is read anew. */
  refresh(): void {
    for (const key of [["executions"], ["execution"], ["trace"]]) {
      void askAnew(this.#queries, key);
    }
  }

  #step(id: string, event: unknown): void {
    const queryKey = executionKeys.trace(id);
    // What nobody has looked at is read when somebody does.
    if (!isTraceEvent(event) || !this.#queries.getQueryState(queryKey)) return;
    this.#queries.setQueryData<TraceEvent[]>(queryKey, (known) => mergeTrace(known ?? [], [event]));
  }

  #update(id: string, changes: Partial<Execution>): void {
    const known = this.#known(id);
    if (known) this.#spread({ ...known, ...changes });
    // What else comes with another status (tokens, times, an error) is not in the event.
    if (!known || known.status !== changes.status) this.#ask(id);
  }

  #known(id: string): Execution | undefined {
    const open = this.#queries.getQueryData<Execution[] | null>(executionKeys.open(this.#projectId));
    const one = this.#queries.getQueryData<Execution>(executionKeys.one(id));
    return one ?? open?.find((execution) => execution.id === id);
  }

  #ask(id: string): void {
    this.#changed.add(id);
    this.#timer ??= window.setTimeout(() => {
      this.#timer = null;
      const ids = [...this.#changed];
      this.#changed.clear();
      for (const one of ids) {
        // One that cannot be read now is looked at again with the next event.
        void fetchExecution(one).then(
          (execution) => this.#spread(execution),
          () => {},
        );
      }
    }, TOGETHER_MS);
  }

  #spread(execution: Execution): void {
    const { id, nodeId } = execution;
    const queries = this.#queries;
    queries.setQueryData(executionKeys.one(id), execution);
    queries.setQueryData<Execution[] | null>(
      executionKeys.open(this.#projectId),
      (open) => open && withExecution(open, execution),
    );
    const ofNode = { queryKey: executionKeys.ofNode(nodeId) };
    const lists = queries.getQueriesData<InfiniteData<Page<Execution>>>(ofNode);
    const isListed = lists.every(([, list]) =>
      list?.pages.some(({ items }) => items.some((item) => item.id === id)),
    );
    if (!isListed) void askAnew(queries, ofNode.queryKey);
    queries.setQueriesData<InfiniteData<Page<Execution>>>(ofNode, (list) => list && inPlace(list, execution));
  }
}

function inPlace(list: InfiniteData<Page<Execution>>, changed: Execution): InfiniteData<Page<Execution>> {
  const pages = list.pages.map((page) => ({
    ...page,
    items: page.items.map((item) => (item.id === changed.id ? changed : item)),
  }));
  return { ...list, pages };
}

function isTraceEvent(value: unknown): value is TraceEvent {
  if (typeof value !== "object" || value === null) return false;
  const { id, seq, changed, type, data } = value as Partial<TraceEvent>;
  const isPlaced = typeof seq === "number" && typeof changed === "number";
  return typeof id === "string" && typeof type === "string" && isPlaced && typeof data === "object";
}

/** Follows the runs of a project, for as long as the component is mounted. */
export function useFollowedRuns(projectId: string): void {
  const queries = useQueryClient();
  const follower = useMemo(() => new RunFollower(queries, projectId), [queries, projectId]);
  useEffect(() => () => follower.destroy(), [follower]);
  useProjectEvents({
    types: RUN_EVENTS,
    onEvent: (event) => follower.take(event),
    onGap: () => follower.refresh(),
  });
}
