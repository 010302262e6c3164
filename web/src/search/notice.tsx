import { messageOf } from "../api/http";
import { isLimited } from "../api/search";
import { plural } from "../lib/text";
import { Button } from "../ui/button";

interface SearchNoticeProps {
  /** What goes on: "Searching in texts and files". */
  task: string;
  isSearching: boolean;
  error: unknown;
  /** What was found, in words; undefined: nobody has searched. */
  found: string | undefined;
  retry: () => void;
}

/** What is known of a search: that it goes on, how much was found, or why nothing was. */
export function SearchNotice({ task, isSearching, error, found, retry }: SearchNoticeProps) {
  if (isSearching) return <span className="block">{task}…</span>;
  if (error) {
    return (
      <span className="flex items-center justify-center gap-3">
        <span className="text-danger">{failureWords(task, error)}</span>
        <Button onClick={retry}>Try again</Button>
      </span>
    );
  }
  return found && <span className="block">{found}</span>;
}

function failureWords(task: string, error: unknown): string {
  if (!isLimited(error)) return `${task} failed. ${messageOf(error)}`;
  const seconds = error.retryAfter;
  return `The server was asked too often. ${seconds ? `Go on in ${plural(seconds, "second")}.` : "Wait a moment."}`;
}
