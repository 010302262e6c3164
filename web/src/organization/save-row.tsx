import { messageOf } from "../api/http";
import { Button } from "../ui/button";
import { FormError } from "../ui/field";

interface SaveRowProps {
  change: { isPending: boolean; isSuccess: boolean; error: unknown };
  /** Whether there is anything to save. */
  isChanged: boolean;
  /** The fields that say themselves what is wrong with them. */
  fields?: readonly string[];
}

/** The end of a form that stays on the page: saves it, and says what came of it. */
export function SaveRow({ change, isChanged, fields }: SaveRowProps) {
  return (
    <>
      <FormError>{change.error ? messageOf(change.error, fields) : null}</FormError>
      <div className="flex items-center gap-3">
        <Button type="submit" look="primary" disabled={!isChanged || change.isPending}>
          {change.isPending ? "Saving…" : "Save"}
        </Button>
        <p role="status" className="text-[13px] text-good">
          {change.isSuccess && !isChanged ? "Saved." : ""}
        </p>
      </div>
    </>
  );
}
