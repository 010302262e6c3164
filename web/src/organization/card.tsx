import { type ReactNode, useId } from "react";

interface CardProps {
  title: string;
  hint?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}

/** A titled part of a page of settings. */
export function Card({ title, hint, action, children }: CardProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className="grid min-w-0 gap-4 rounded-2xl border border-line bg-surface p-5"
    >
      <div className="flex items-start justify-between gap-4">
        <div className="grid gap-1">
          <h2 id={id} className="text-[15px] font-semibold">
            {title}
          </h2>
          {hint && <p className="text-[13px] text-muted">{hint}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}
