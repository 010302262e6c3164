import { type InfiniteData, type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { request, withQuery } from "./http";
import type { Page } from "./types";

type Pages<T> = InfiniteData<Page<T>, string | null>;

/** How often a list is read anew, in milliseconds, perhaps by what is in it; false: not by itself. */
type Interval<T> = number | false | ((items: readonly T[]) => number | false);

/** A long list, of which more is fetched when it is asked for. */
export function usePages<T>(
  queryKey: QueryKey,
  path: string,
  query: Record<string, string | number | null | undefined> = {},
  interval: Interval<T> = false,
) {
  const pages = useInfiniteQuery<Page<T>, Error, Pages<T>, QueryKey, string | null>({
    queryKey: [...queryKey, query],
    refetchInterval: ({ state }) =>
      typeof interval === "function" ? interval(itemsOf(state.data) ?? []) : interval,
    initialPageParam: null,
    queryFn: ({ pageParam }) => request("GET", withQuery(path, { ...query, cursor: pageParam })),
    getNextPageParam: (last) => last.nextCursor,
  });
  return { ...pages, items: itemsOf(pages.data) };
}

function itemsOf<T>(data: Pages<T> | undefined): T[] | undefined {
  return data?.pages.flatMap((page) => page.items);
}
