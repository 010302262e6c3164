import { type ReactNode, useState } from "react";
import { plural } from "../lib/text";
import { Button } from "../ui/button";

interface LongListProps<T> {
  heading: string;
  items: readonly T[];
  children: (item: T) => ReactNode;
}

const SHOWN_AT_FIRST = 50;

/** A list of what may be many, of which some are shown at first; nothing, if there are none. */
export function LongList<T>({ heading, items, children }: LongListProps<T>) {
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  if (items.length === 0) return null;
  return (
    <section aria-label={heading} className="grid gap-1.5">
      <h3 className="text-[13px] font-semibold text-muted">{heading}</h3>
      <ul className="grid gap-1.5">{items.slice(0, shown).map(children)}</ul>
      {items.length > shown && (
        <Button className="justify-self-center" onClick={() => setShown(2 * shown)}>
          Show more of {plural(items.length, "entry", "entries")}
        </Button>
      )}
    </section>
  );
}
