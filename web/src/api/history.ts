import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { executionKeys } from "./executions";
import { request, requestBytes, withQuery } from "./http";
import { NOTIFICATIONS } from "./notifications";

/** What the history of a document has. Places in it are numbers of its log, from 1; 0 is the empty document. */
export interface HistorySummary {
  epoch: number;
  headSeq: number;
  /** From here on the document is known at every place; before, at `keptSeqs`. */
  keptFromSeq: number;
  keptSeqs: number[];
  startedAt: string | null;
  endedAt: string | null;
}

/** Somebody who acted; `name` is known of people only. */
export interface Author {
  kind: "user" | "agent" | "api_key" | "anonymous" | "system";
  id: string;
  name: string | null;
}

/** Authors by their principals, such as `user:<id>`. */
export type Authors = Record<string, Author>;

/** Some time of somebody's work. */
export interface WorkSession {
  principal: string;
  run?: string;
  startedAt: string;
  endedAt: string;
  firstSeq: number;
  lastSeq: number;
  updates: number;
  inserted: number;
  deleted: number;
}

interface SessionsPage {
  sessions: WorkSession[];
  nextBeforeSeq?: number;
  authors: Authors;
}

export type TextChange = "kept" | "inserted" | "deleted";

export interface Authorship {
  principal: string;
  /** The run that wrote it, and the step of it; or that proposed it, if the principal is a person. */
  run?: string;
  traceEvent?: string;
  from: string;
  until: string;
  firstSeq: number;
  lastSeq: number;
}

export interface TextSpan {
  text: string;
  change: TextChange;
  inserted?: Authorship;
  deleted?: Authorship;
}

/** What is shown on lines of its own. `path`: the elements that it is inside of, itself the last. */
export interface TextBlock {
  path: string[];
  attributes: Record<string, string>;
  change: TextChange;
  spans: TextSpan[];
}

/** A text of a document. `part` says where it is: `body`, `inputs/<item>/text`. */
export interface TextHistory {
  part: string;
  blocks: TextBlock[];
}

export interface FieldChange {
  path: string[];
  before?: unknown;
  after?: unknown;
  /** Who changed it last, where that is known. */
  by?: Authorship;
}

export interface Diff {
  from: number;
  to: number;
  texts: TextHistory[];
  fields: FieldChange[];
  authors: Authors;
}

export interface Blame {
  seq: number;
  texts: TextHistory[];
  authors: Authors;
}

/** A place with a name. */
export interface NamedVersion {
  id: string;
  name: string;
  seq: number;
  createdBy: string;
  createdAt: string;
}

interface HistoryEdit {
  changed: boolean;
  seq: number;
}

const base = (document: string) => `/documents/${encodeURIComponent(document)}/history`;
const key = (document: string, ...rest: unknown[]) => ["history", document, ...rest];

/** A document may have been edited since its history was looked at last. */
const FRESH = { refetchOnMount: "always" } as const;

export function useHistory(document: string) {
  return useQuery({
    ...FRESH,
    queryKey: key(document, "summary"),
    queryFn: () => request<HistorySummary>("GET", base(document)),
  });
}

/** Who worked when, the last first. */
export function useWorkSessions(document: string) {
  const pages = useInfiniteQuery({
    ...FRESH,
    queryKey: key(document, "sessions"),
    initialPageParam: null as number | null,
    queryFn: ({ pageParam }) =>
      request<SessionsPage>("GET", withQuery(`${base(document)}/sessions`, { beforeSeq: pageParam })),
    getNextPageParam: (last) => last.nextBeforeSeq ?? null,
  });
  return {
    ...pages,
    sessions: pages.data?.pages.flatMap((page) => page.sessions),
    authors: Object.assign({}, ...(pages.data?.pages.map((page) => page.authors) ?? [])) as Authors,
  };
}

/** What is at a place never changes: it is fetched once. */
const FOR_EVER = { staleTime: Number.POSITIVE_INFINITY } as const;

/** The document at a place, as a Yjs update. */
export function usePastState(document: string, seq: number | null) {
  return useQuery({
    ...FOR_EVER,
    queryKey: key(document, "state", seq),
    enabled: seq !== null,
    queryFn: () => requestBytes(withQuery(`${base(document)}/state`, { seq, format: "yjs" })),
  });
}

export function useDiff(document: string, from: number, to: number, enabled: boolean) {
  return useQuery({
    ...FOR_EVER,
    queryKey: key(document, "diff", from, to),
    enabled,
    queryFn: () => request<Diff>("GET", withQuery(`${base(document)}/diff`, { from, to })),
  });
}

export function useBlame(document: string, seq: number, enabled: boolean) {
  return useQuery({
    ...FOR_EVER,
    queryKey: key(document, "blame", seq),
    enabled,
    queryFn: () => request<Blame>("GET", withQuery(`${base(document)}/blame`, { seq })),
  });
}

/** How long one believes who wrote what in a document that may be edited. */
const BELIEVED_MS = 4_000;

/** Who wrote what in a document as it is now. */
export function useBlameNow(document: string, enabled: boolean) {
  return useQuery({
    queryKey: key(document, "blame-now"),
    staleTime: BELIEVED_MS,
    enabled,
    queryFn: () => request<Blame>("GET", `${base(document)}/blame`),
  });
}

export function useNamedVersions(document: string) {
  return useQuery({
    queryKey: key(document, "versions"),
    queryFn: () =>
      request<{ versions: NamedVersion[]; authors: Authors }>("GET", `${base(document)}/versions`),
  });
}

/** Names places, brings back what was, takes back what somebody did, and forgets what was deleted. */
export function useHistoryChanges(document: string) {
  const queries = useQueryClient();
  const refresh = (...parts: string[]) =>
    Promise.all(parts.map((part) => queries.invalidateQueries({ queryKey: key(document, part) })));
  const edited = () => refresh("summary", "sessions");
  return {
    name: useMutation({
      mutationFn: (version: { name: string; seq: number }) =>
        request<NamedVersion>("POST", `${base(document)}/versions`, version),
      onSuccess: () => refresh("versions"),
    }),
    unname: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `${base(document)}/versions/${id}`),
      onSuccess: () => refresh("versions"),
    }),
    restore: useMutation({
      mutationFn: (seq: number) => request<HistoryEdit>("POST", `${base(document)}/restore`, { seq }),
      onSuccess: edited,
    }),
    undo: useMutation({
      mutationFn: ({ principal, firstSeq, lastSeq }: WorkSession) =>
        request<HistoryEdit>("POST", `${base(document)}/undo`, {
          principals: [principal],
          fromSeq: firstSeq,
          throughSeq: lastSeq,
        }),
      onSuccess: edited,
    }),
    forget: useMutation({
      mutationFn: (span: { fromSeq: number; throughSeq: number }) =>
        request<unknown>("POST", `${base(document)}/prune`, span),
      // What is forgotten is not to stay in this window, either: what is not shown is not asked for anew.
      onSuccess: () => {
        const told = [executionKeys.every, NOTIFICATIONS];
        for (const queryKey of [key(document), ...told]) {
          queries.removeQueries({ queryKey, type: "inactive" });
        }
        // Not asked for anew alone: steps that are known already are kept.
        const traces = queries.resetQueries({ queryKey: executionKeys.traces });
        const others = [key(document), ...told].map((queryKey) => queries.invalidateQueries({ queryKey }));
        return Promise.all([traces, ...others]);
      },
    }),
  };
}

/** Asks anew for what changes as a document is edited. */
export function useRefreshHistory(document: string): () => void {
  const queries = useQueryClient();
  return () => {
    for (const part of ["summary", "sessions"]) {
      void queries.invalidateQueries({ queryKey: key(document, part) });
    }
  };
}
