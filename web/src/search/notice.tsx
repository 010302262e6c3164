import { messageOf } from "../api/http";
import { isLimited } from "../api/search";
import { plural } from "../lib/text";
import { Button } from "../ui/button";

interface SearchNoticeProps {
  /** Where one searches: "texts and files". */
  where: string;
  isSearching: boolean;
  error: unknown;
  /** How many were found; undefined: nobody has searched. */
  found: number | undefined;
  hasMore: boolean;
  retry: () => void;
}

/** What is known of a search: that it goes on, how much was found, or why nothing was. */
export function SearchNotice({ where, isSearching, error, found, hasMore, retry }: SearchNoticeProps) {
  if (isSearching) return <span className="block">Searching {where}…</span>;
  if (error) {
    return (
      <span className="flex items-center justify-center gap-3">
        <span className="text-danger">{failureWords(where, error)}</span>
        <Button onClick={retry}>Try again</Button>
      </span>
    );
  }
  if (found === undefined) return null;
  return <span className="block">{foundWords(where, found, hasMore)}</span>;
}

function failureWords(where: string, error: unknown): string {
  if (!isLimited(error)) return `Searching ${where} failed. ${messageOf(error)}`;
  const seconds = error.retryAfter;
  return `You have searched very often. ${seconds ? `Go on in ${plural(seconds, "second")}.` : "Wait a moment."}`;
}

function foundWords(where: string, found: number, hasMore: boolean): string {
  if (found === 0) return `Nothing found ${where}.`;
  if (hasMore) return `The best ${found} ${where}. More words find fewer.`;
  return `${found} found ${where}.`;
}
