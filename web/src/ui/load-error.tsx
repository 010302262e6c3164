import { messageOf } from "../api/http";
import { Button } from "./button";

/** What could not be loaded, why, and the way to try again. */
export function LoadError({ what, error, retry }: { what: string; error: unknown; retry: () => void }) {
  return (
    <div
      role="alert"
      className="flex items-center justify-between gap-4 rounded-xl bg-danger-soft px-4 py-3 text-sm text-danger"
    >
      <span>
        {what} could not be loaded. {messageOf(error)}
      </span>
      <Button onClick={retry}>Try again</Button>
    </div>
  );
}
