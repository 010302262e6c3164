import { messageOf } from "../api/http";
import { Button } from "./button";
import { FormError } from "./field";

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
}

/** Asks for more of a long list. */
export function MorePages({ pages }: { pages: Pages }) {
  if (!pages.hasNextPage) return null;
  return (
    <div className="grid justify-items-center gap-2">
      {pages.isFetchNextPageError && <FormError>{messageOf(pages.error)}</FormError>}
      <Button disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        {pages.isFetchingNextPage ? "Loading…" : "Show more"}
      </Button>
    </div>
  );
}
