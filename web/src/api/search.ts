import { useQuery } from "@tanstack/react-query";
import { ApiError, request } from "./http";
import { TOO_MANY_REQUESTS, worthRetrying } from "./queries";

/** A node or a file in whose title or text something was found. */
export interface Found {
  type: "node" | "file";
  id: string;
  /** Null: a file of the whole organization. */
  projectId: string | null;
  title: string;
  excerpt: string;
  /** Of a node. */
  status: string | null;
  /** Of a file. */
  contentType: string | null;
}

/** What is near to a query, with the passage that is nearest. */
export interface FoundByMeaning extends Omit<Found, "excerpt"> {
  passage: string;
  similarity: number;
}

interface FoundPage {
  items: Found[];
  nextCursor: string | null;
}

interface FoundByMeaningPage {
  items: FoundByMeaning[];
  /** What tells how near texts are: `lexical-…` compares words and parts of words, any other what they mean. */
  embedder: string;
}

/** From how many characters on one searches. */
export const SEARCHED_FROM = 2;
const FOUND_AT_MOST = 20;
const KEPT_MS = 10_000;

/** What has the words of a query. Another query takes the place of the one that is not answered yet. */
export function useSearch(orgId: string | undefined, query: string) {
  return useQuery({
    queryKey: ["search", orgId, query],
    enabled: orgId !== undefined && query.length >= SEARCHED_FROM,
    queryFn: ({ signal }) =>
      request<FoundPage>("POST", `/orgs/${orgId}/search`, { query, limit: FOUND_AT_MOST }, {}, signal),
    ...ASKED_ONCE,
  });
}

/** What is nearest to a query by its meaning, as far as the server knows meanings; null: nothing is asked. */
export function useSearchByMeaning(orgId: string | undefined, query: string | null) {
  return useQuery({
    queryKey: ["search", orgId, "by meaning", query],
    enabled: orgId !== undefined && query !== null,
    queryFn: ({ signal }) =>
      request<FoundByMeaningPage>(
        "POST",
        `/orgs/${orgId}/search/semantic`,
        { query, limit: FOUND_AT_MOST },
        {},
        signal,
      ),
    ...ASKED_ONCE,
  });
}

/** Who is told to wait waits: the next letter asks anyway. Offline, it is said at once. */
const ASKED_ONCE = {
  networkMode: "always",
  staleTime: KEPT_MS,
  gcTime: KEPT_MS,
  retry: (failures: number, error: unknown) =>
    failures < 1 && isAnswered(error) && !isLimited(error) && worthRetrying(failures, error),
} as const;

function isAnswered(error: unknown): boolean {
  return error instanceof ApiError && error.status > 0;
}

/** Whether one has asked more often than one may for now: searched, or asked for anything. */
export function isLimited(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === TOO_MANY_REQUESTS;
}
