import type { Authorship, FieldChange } from "../api/history";
import { humanize } from "../lib/text";
import type { AuthorLook } from "./authors";

/** How values are told. */
export interface FieldWords {
  /** What a value is of. */
  label(path: readonly string[]): string;
  value(path: readonly string[], value: unknown): string;
}

const PLAIN: FieldWords = { label: pathWords, value: (_, value) => valueWords(value) };

interface FieldChangesProps {
  fields: readonly FieldChange[];
  lookOf: (principal: string) => AuthorLook;
  heading?: string;
}

/** The values that changed, with what they were and who changed them. */
export function FieldChanges({ fields, lookOf, heading = "Values" }: FieldChangesProps) {
  if (fields.length === 0) return null;
  return (
    <section aria-label={heading} className="grid gap-1">
      <h3 className="text-[13px] font-semibold text-muted">{heading}</h3>
      <ul className="grid gap-1 text-[13px]">
        {fields.map((field) => (
          <FieldRow key={field.path.join("/")} field={field} lookOf={lookOf} />
        ))}
      </ul>
    </section>
  );
}

interface FieldRowProps {
  field: FieldChange;
  words?: FieldWords;
  lookOf: (principal: string) => AuthorLook;
}

export function FieldRow({ field: { path, before, after, by }, words = PLAIN, lookOf }: FieldRowProps) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-2">
      <span className="text-muted">{words.label(path)}</span>
      {before !== undefined && <del className="break-all">{words.value(path, before)}</del>}
      {after !== undefined && <ins className="break-all no-underline">{words.value(path, after)}</ins>}
      {after === undefined && <span className="text-muted">is gone</span>}
      <Changer by={by} lookOf={lookOf} />
    </li>
  );
}

interface ChangerProps {
  by: Authorship | undefined;
  lookOf: (principal: string) => AuthorLook;
}

/** Who changed something, where that is known. */
export function Changer({ by, lookOf }: ChangerProps) {
  if (!by) return null;
  const { name, solid } = lookOf(by.principal);
  return (
    <span className="inline-flex items-baseline gap-1 text-muted">
      <span aria-hidden className="size-2 rounded-full" style={{ backgroundColor: solid }} />
      {name}
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

export function valueWords(value: unknown): string {
  return typeof value === "string" ? value || "empty" : JSON.stringify(value);
}
