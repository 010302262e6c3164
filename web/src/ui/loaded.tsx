import type { ReactNode } from "react";
import { LoadError } from "./load-error";

interface Query<T> {
  data: T | undefined;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
}

interface LoadedProps<T> {
  /** What is loaded, as a sentence begins with it: "The members". */
  what: string;
  query: Query<T>;
  /** How many lines to keep room for meanwhile. */
  lines?: number;
  children: (data: T) => ReactNode;
}

/** Shows what was fetched; until then its room, or why it did not come. */
export function Loaded<T>({ what, query, lines = 3, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <LoadError what={what} error={query.error} retry={() => void query.refetch()} />;
  return <Lines count={lines} what={what} />;
}

/** The room of lines that are not here yet. */
function Lines({ count, what }: { count: number; what: string }) {
  return (
    <div role="status" aria-label={`${what} are being loaded`} className="grid gap-3 py-2">
      {Array.from({ length: count }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <span key={line} aria-hidden className="h-8 animate-pulse rounded-lg bg-sunken" />
      ))}
    </div>
  );
}
