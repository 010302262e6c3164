import type { ReactNode } from "react";
import { humanize } from "../lib/text";

const LOOKS = {
  quiet: "bg-quiet-soft text-quiet",
  info: "bg-info-soft text-info",
  warn: "bg-warn-soft text-warn",
  good: "bg-good-soft text-good",
  danger: "bg-danger-soft text-danger",
} as const;

export type StatusLook = keyof typeof LOOKS;

const KNOWN: Record<string, StatusLook> = {
  draft: "quiet",
  todo: "quiet",
  in_progress: "info",
  review: "warn",
  in_review: "warn",
  blocked: "danger",
  failed: "danger",
  complete: "good",
  done: "good",
};

/** The colour of a status: by its name, else by its place in the project's workflow. */
export function statusLook(status: string, states: readonly string[]): StatusLook {
  const known = KNOWN[status.toLowerCase()];
  if (known) return known;
  const index = states.indexOf(status);
  if (index < 0 || index === 0) return "quiet";
  return index === states.length - 1 ? "good" : "info";
}

export function StatusPill({ status, states }: { status: string; states: readonly string[] }) {
  if (!status) return null;
  return (
    <Pill look={statusLook(status, states)} className="max-w-28">
      {humanize(status)}
    </Pill>
  );
}

/** A few words on the colour of a status. */
export function Pill({
  look,
  className = "",
  children,
}: {
  look: StatusLook;
  className?: string;
  children: ReactNode;
}) {
  return (
    <span
      className={`inline-block shrink-0 truncate rounded-full px-2 py-0.5 text-[11px] leading-4 font-medium ${LOOKS[look]} ${className}`}
    >
      {children}
    </span>
  );
}
