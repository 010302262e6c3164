import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { askAnew } from "./ask-anew";
import type { Authors } from "./history";
import { request, withQuery } from "./http";

/** What made a version of a node. */
export type NodeVersionChange = "created" | "updated" | "status_change" | "session" | "rollback";

/** What a node was at some time, its title and status included. They are numbered from 1. */
export interface NodeVersion {
  version: number;
  changeType: NodeVersionChange;
  changeSummary: string;
  /** A principal, such as `user:<id>`. */
  changedBy: string;
  createdAt: string;
  /** The place in the log of the node's document. */
  nodeSeq: number;
}

interface VersionsPage {
  items: NodeVersion[];
  /** Those who made them. */
  authors: Authors;
  nextBefore?: number;
}

/** How many are read at first; of more, as many as the server gives at once. */
const FIRST_PAGE = 5;

const key = (nodeId: string) => ["node-versions", nodeId];

/** The versions of a node, the last first. */
export function useNodeVersions(nodeId: string) {
  const pages = useInfiniteQuery({
    refetchOnMount: "always",
    queryKey: key(nodeId),
    initialPageParam: null as number | null,
    queryFn: ({ pageParam: before }) => {
      const page = before === null ? { limit: FIRST_PAGE } : { before };
      return request<VersionsPage>("GET", withQuery(`/nodes/${nodeId}/versions`, page));
    },
    getNextPageParam: (last) => last.nextBefore ?? null,
  });
  const versions = pages.data?.pages.flatMap(({ items }) => items);
  const authors: Authors = Object.assign({}, ...(pages.data?.pages.map((page) => page.authors) ?? []));
  return { ...pages, versions, authors };
}

/** Brings a node back to one of its versions, as an edit like any other. */
export function useRollBack(nodeId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (version: number) => request<unknown>("POST", `/nodes/${nodeId}/rollback/${version}`),
    onSuccess: () => queries.invalidateQueries({ queryKey: key(nodeId) }),
  });
}

/** Asks anew for the versions of a node. */
export function useRefreshNodeVersions(nodeId: string): () => void {
  const queries = useQueryClient();
  return () => void askAnew(queries, key(nodeId));
}
