import type { ReactNode } from "react";
import { followLink } from "../app/router";
import { Icon } from "./icon";

/** The header of pages that are no project. */
export function AppHeader({ title, children }: { title?: ReactNode; children: ReactNode }) {
  return (
    <header className="flex h-14 items-center justify-between gap-4 border-b border-line bg-surface px-6 max-sm:px-4">
      <span className="flex min-w-0 items-center gap-3 font-semibold">
        {title ? (
          <>
            <a
              href="/"
              onClick={followLink}
              aria-label="All projects"
              title="All projects"
              className="grid size-8 shrink-0 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink"
            >
              <Icon name="back" />
            </a>
            <span className="truncate">{title}</span>
          </>
        ) : (
          <>
            <img src="/favicon.svg" alt="" width={24} height={24} /> GlassBox
          </>
        )}
      </span>
      <span className="flex items-center gap-2">{children}</span>
    </header>
  );
}
