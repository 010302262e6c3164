import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { askAnew } from "./ask-anew";
import { ApiError, request, withQuery } from "./http";
import type { Page } from "./types";

/** A node's lock that somebody holds. */
export interface Lock {
  nodeId: string;
  /** The person who holds it, or for whom an agent or a program does. */
  lockedBy: string;
  holder: { kind: "user" | "agent" | "api_key" | "other"; id: string; name: string };
  /** Whether others' edits of the node's document are refused. */
  enforced: boolean;
  acquiredAt: string;
  expiresAt: string;
}

const key = (projectId: string) => ["locks", projectId];

/** How often it is looked who holds what, if no event says so. */
const LOOK_EVERY_MS = 15_000;

/** The locks that are held in a project. */
export function useLocks(projectId: string) {
  return useQuery({
    queryKey: key(projectId),
    refetchInterval: LOOK_EVERY_MS,
    queryFn: () => request<Page<Lock>>("GET", `/projects/${projectId}/locks`),
  });
}

export function useRefreshLocks(projectId: string): () => void {
  const queries = useQueryClient();
  return () => void askAnew(queries, key(projectId));
}

/** What came of asking to be told when a lock is free. */
export type Waiting = "told-later" | "taken";

/** Takes locks, and gives them back. */
export function useLockChanges(projectId: string) {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: key(projectId) });
  return {
    take: useMutation({
      mutationFn: (nodeId: string) => request<Lock>("POST", `/nodes/${nodeId}/lock`),
      onSettled,
    }),
    /** Asks for a lock that somebody else holds: it is taken if it is free by now, and told of once it is. */
    wait: useMutation({
      mutationFn: async (nodeId: string): Promise<Waiting> => {
        try {
          await request<Lock>("POST", withQuery(`/nodes/${nodeId}/lock`, { notify: "true" }));
          return "taken";
        } catch (error) {
          if (error instanceof ApiError && error.code === "LOCK_HELD") return "told-later";
          throw error;
        }
      },
      onSettled,
    }),
    release: useMutation({
      mutationFn: ({ nodeId, force }: { nodeId: string; force?: boolean }) =>
        request<void>("DELETE", withQuery(`/nodes/${nodeId}/lock`, { force: force ? "true" : null })),
      onSettled,
    }),
  };
}
