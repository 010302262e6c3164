import type { ReactNode } from "react";

/** A titled part of a node's panel. */
export function Section({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <section aria-label={title} className="grid grid-cols-1 gap-2">
      <div className="flex min-h-8 items-center justify-between gap-2">
        <h2 className="text-[13px] font-semibold text-muted">{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}
