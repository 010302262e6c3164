import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { isMissing } from "./executions";
import { ApiError, request } from "./http";
import { everything } from "./queries";

/** A change of a node that an agent offers, rather than makes. Texts are Markdown. */
export interface Proposal {
  id: string;
  /** Whether blocks of the body are to be replaced, or come between them, or an output is to be added. */
  kind: "replace" | "insert" | "output";
  /** The run that offers it. */
  runId: string | null;
  label: string | null;
  /** What it would replace; empty: nothing. */
  before: string;
  /** What it would put there; empty: nothing. It may be written still. */
  text: string;
  createdAt: string | null;
  status: "open" | "accepted" | "rejected";
  decidedBy: string | null;
  decidedAt: string | null;
}

/** How long one believes what is proposed, where nothing says that it changed. */
const BELIEVED_MS = 4_000;

const key = (nodeId: string) => ["proposals", nodeId];
const path = (nodeId: string) => `/nodes/${nodeId}/proposals`;

/** The proposals for a node, also those that were decided on; none where the server knows of no proposals. */
export function useProposals(nodeId: string) {
  return useQuery({
    queryKey: key(nodeId),
    staleTime: BELIEVED_MS,
    queryFn: async () => {
      try {
        return await everything<Proposal>(path(nodeId));
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
  });
}

const CONFLICT = 409;

export type Decision = "accept" | "reject";

/** Makes proposed edits, or lets go of them. What cannot be made any more keeps no other from being made. */
export function useDecision(nodeId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ ids, decision }: { ids: readonly string[]; decision: Decision }) => {
      // One after the other: each is an edit of the same document.
      let refused: ApiError | null = null;
      for (const id of ids) {
        try {
          await request("POST", `${path(nodeId)}/${id}/${decision}`);
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== CONFLICT) throw error;
          refused ??= error;
        }
      }
      if (refused) throw refused;
    },
    onSettled: () => queries.invalidateQueries({ queryKey: key(nodeId) }),
  });
}

/** Asks anew what is proposed, whenever `onChanged` calls back and some time has passed. */
export function useFollowedProposals(nodeId: string, onChanged: (changed: () => void) => () => void): void {
  const queries = useQueryClient();
  useEffect(() => {
    let timer: number | null = null;
    const stop = onChanged(() => {
      timer ??= window.setTimeout(() => {
        timer = null;
        void queries.invalidateQueries({ queryKey: key(nodeId) });
      }, REST_MS);
    });
    return () => {
      stop();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [queries, nodeId, onChanged]);
}

/** How long changes of proposals are gathered: one is written over many edits. */
const REST_MS = 1_500;
