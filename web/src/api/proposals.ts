import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { isMissing } from "./executions";
import { request, withQuery } from "./http";
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
}

const key = (nodeId: string) => ["proposals", nodeId];
const path = (nodeId: string) => `/nodes/${nodeId}/proposals`;

/** The proposals for a node that nobody has decided on; none where the server knows of no proposals. */
export function useProposals(nodeId: string) {
  return useQuery({
    queryKey: key(nodeId),
    queryFn: async () => {
      try {
        return await everything<Proposal>(withQuery(path(nodeId), { status: "open" }));
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
  });
}

export type Decision = "accept" | "reject";

/** Makes proposed edits, or lets go of them. */
export function useDecision(nodeId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ ids, decision }: { ids: readonly string[]; decision: Decision }) => {
      // One after the other: each is an edit of the same document.
      for (const id of ids) await request("POST", `${path(nodeId)}/${id}/${decision}`);
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
