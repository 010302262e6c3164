import { type ComponentProps, type ReactNode, useId } from "react";

export const CONTROL =
  "h-9 w-full rounded-lg border border-line-strong bg-surface px-3 text-sm text-ink disabled:bg-sunken disabled:text-muted";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: ReactNode;
  /** What the server has against it; empty: nothing. */
  error?: string;
}

/** A labelled text input. */
export function Field({ label, hint, error, ...rest }: FieldProps) {
  const id = useId();
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-[13px] font-medium">
        {label}
      </label>
      <input
        id={id}
        aria-describedby={described || undefined}
        aria-invalid={error ? true : undefined}
        className={CONTROL}
        {...rest}
      />
      <FieldError id={`${id}-error`}>{error}</FieldError>
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-muted">
          {hint}
        </p>
      )}
    </div>
  );
}

/** A labelled text of several lines. */
export function AreaField({
  label,
  hint,
  ...rest
}: ComponentProps<"textarea"> & { label: string; hint?: ReactNode }) {
  const id = useId();
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-[13px] font-medium">
        {label}
      </label>
      <textarea
        id={id}
        rows={3}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="field-sizing-content max-h-60 min-h-20 w-full resize-y rounded-lg border border-line-strong bg-surface px-3 py-2 text-sm text-ink"
        {...rest}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-muted">
          {hint}
        </p>
      )}
    </div>
  );
}

/** A labelled choice. */
export function SelectField({ label, children, ...rest }: ComponentProps<"select"> & { label: string }) {
  const id = useId();
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-[13px] font-medium">
        {label}
      </label>
      <select id={id} className={CONTROL} {...rest}>
        {children}
      </select>
    </div>
  );
}

/** What is wrong with one field, which names it as its description. */
export function FieldError({ id, children }: { id: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <p id={id} className="text-xs text-danger">
      {children}
    </p>
  );
}

/** What went wrong with a form, announced at once. */
export function FormError({ children }: { children: ReactNode }) {
  if (!children) return null;
  return (
    <p role="alert" className="rounded-lg bg-danger-soft px-3 py-2 text-[13px] text-danger">
      {children}
    </p>
  );
}
