import { useState } from "react";
import { SEARCHED_FROM, useSearch, useSearchByMeaning } from "../api/search";
import { useDebounced } from "../lib/use-debounced";

/** One asks while somebody types, but not for each letter. */
const SETTLED_AFTER_MS = 200;

/** What the server finds for what is typed: by its words at once, by its meaning when that is wanted. */
export function useFound(orgId: string | undefined, typed: string) {
  const query = typed.trim();
  const settled = useDebounced(query, SETTLED_AFTER_MS);
  const [meant, setMeant] = useState<string | null>(null);
  const isWanted = orgId !== undefined && query.length >= SEARCHED_FROM;
  const words = useSearch(orgId, settled);
  const isAskedByMeaning = isWanted && meant === query;
  const meaning = useSearchByMeaning(orgId, isAskedByMeaning ? query : null);
  const isCurrent = isWanted && settled === query;
  return {
    query,
    isWanted,
    words: isCurrent ? words : null,
    isSearching: isWanted && (!isCurrent || words.isFetching),
    meaning: isAskedByMeaning ? meaning : null,
    /** Searches by meaning, until something else is typed. */
    askByMeaning: () => setMeant(query),
  };
}
