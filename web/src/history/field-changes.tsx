import type { FieldChange } from "../api/history";
import { humanize } from "../lib/text";
import type { AuthorLook } from "./authors";

interface FieldChangesProps {
  fields: readonly FieldChange[];
  lookOf: (principal: string) => AuthorLook;
}

/** The values that changed, with what they were and who changed them. */
export function FieldChanges({ fields, lookOf }: FieldChangesProps) {
  if (fields.length === 0) return null;
  return (
    <section aria-label="Values" className="grid gap-1">
      <h3 className="text-[13px] font-semibold text-muted">Values</h3>
      <ul className="grid gap-1 text-[13px]">
        {fields.map(({ path, before, after, by }) => (
          <li key={path.join("/")} className="flex flex-wrap items-baseline gap-x-2">
            <span className="text-muted">{pathWords(path)}</span>
            {before !== undefined && <del className="break-all">{valueWords(before)}</del>}
            {after !== undefined && <ins className="break-all no-underline">{valueWords(after)}</ins>}
            {after === undefined && <span className="text-muted">is gone</span>}
            {by && <Changer look={lookOf(by.principal)} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Changer({ look }: { look: AuthorLook }) {
  return (
    <span className="inline-flex items-baseline gap-1 text-muted">
      <span aria-hidden className="size-2 rounded-full" style={{ backgroundColor: look.solid }} />
      {look.name}
    </span>
  );
}

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** Where a value is. Ids are left out: nobody knows what they are of. */
export function pathWords(path: readonly string[]): string {
  return humanize(
    path
      .filter((key) => !ID.test(key))
      .join(" ")
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase(),
  );
}

function valueWords(value: unknown): string {
  return typeof value === "string" ? value || "empty" : JSON.stringify(value);
}
