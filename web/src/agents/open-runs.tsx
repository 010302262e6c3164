import { type QueryClient, QueryObserver, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useMemo } from "react";
import { type Execution, openExecutionsQuery } from "../api/executions";
import { derivedStore, type Store, useStore } from "../lib/external-store";

const NONE: readonly Execution[] = [];

/** The runs of a project that have not ended: views of what the query holds, so that a card follows its own alone. */
export class OpenRuns {
  /** Null: the server has no agents, or it is not known yet. */
  readonly list: Store<readonly Execution[] | null>;
  readonly #byNode: Store<ReadonlyMap<string, Execution>>;

  constructor(queries: QueryClient, projectId: string) {
    const observer = new QueryObserver(queries, openExecutionsQuery(projectId));
    this.list = derivedStore(
      (changed) => observer.subscribe(changed),
      () => observer.getCurrentResult().data ?? null,
    );
    this.#byNode = derivedStore(this.list.subscribe, () => latestByNode(this.list.get() ?? NONE));
  }

  /** The run that is at work on a node, else one that waits for its turn there. */
  of(nodeId: string): Store<Execution | null> {
    return derivedStore(this.#byNode.subscribe, () => this.#byNode.get().get(nodeId) ?? null);
  }
}

function latestByNode(open: readonly Execution[]): Map<string, Execution> {
  const byNode = new Map<string, Execution>();
  for (const execution of open) {
    const known = byNode.get(execution.nodeId);
    if (!known || known.status === "pending") byNode.set(execution.nodeId, execution);
  }
  return byNode;
}

const Context = createContext<OpenRuns | null>(null);

/** Says which runs are open in a project. */
export function OpenRunsProvider({ projectId, children }: { projectId: string; children: ReactNode }) {
  const queries = useQueryClient();
  const runs = useMemo(() => new OpenRuns(queries, projectId), [queries, projectId]);
  return <Context value={runs}>{children}</Context>;
}

function useRuns(): OpenRuns {
  const runs = use(Context);
  if (!runs) throw new Error("useRuns needs an OpenRunsProvider above it");
  return runs;
}

/** The runs that have not ended, the newest first; null: the server has no agents. */
export function useOpenRuns(): readonly Execution[] | null {
  return useStore(useRuns().list);
}

/** The run that is open on a node. */
export function useRunOf(nodeId: string): Execution | null {
  const runs = useRuns();
  return useStore(useMemo(() => runs.of(nodeId), [runs, nodeId]));
}
