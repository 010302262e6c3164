import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { request, withQuery } from "./http";
import type { Page } from "./types";

/** A long list, of which more is fetched when it is asked for. */
export function usePages<T>(
  queryKey: QueryKey,
  path: string,
  query: Record<string, string | number | null | undefined> = {},
  refetchInterval: number | false = false,
) {
  const pages = useInfiniteQuery({
    queryKey: [...queryKey, query],
    refetchInterval,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => request<Page<T>>("GET", withQuery(path, { ...query, cursor: pageParam })),
    getNextPageParam: (last) => last.nextCursor,
  });
  return { ...pages, items: pages.data?.pages.flatMap((page) => page.items) };
}
