import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useId, useState } from "react";
import { rank } from "../lib/rank";
import { Icon, type IconName } from "./icon";

export interface PickerEntry {
  key: string;
  label: string;
  icon: IconName;
  hint: string;
  run: () => void;
}

interface PickerProps {
  /** What can be found: the title, and the name of the field. */
  label: string;
  open: boolean;
  onClose: () => void;
  /** Everything that can be found. Asked for while it is open only. */
  entries: () => PickerEntry[];
}

const SHOWN_AT_MOST = 50;

/** Finds one of many by typing. */
export function Picker(props: PickerProps) {
  return (
    <Radix.Root open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/30" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 animate-rise overflow-hidden rounded-2xl border border-line bg-raised shadow-float"
        >
          <Radix.Title className="sr-only">{props.label}</Radix.Title>
          <PickerBody {...props} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function PickerBody({ label, entries: all, onClose }: PickerProps) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const entries = rank(query, all()).slice(0, SHOWN_AT_MOST);
  const listId = useId();
  const chosen = entries[Math.min(active, entries.length - 1)];
  const run = (entry: PickerEntry) => {
    onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && entries.length > 0) {
      event.preventDefault();
      setActive((index) => (Math.min(index, entries.length - 1) + step + entries.length) % entries.length);
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      run(chosen);
    }
  };
  return (
    <>
      <div className="flex items-center gap-3 border-b border-line px-4 text-muted">
        <Icon name="search" />
        <input
          role="combobox"
          aria-label={label}
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={chosen ? `${listId}-${chosen.key}` : undefined}
          value={query}
          placeholder={label}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
          className="h-12 flex-1 bg-transparent text-[15px] text-ink outline-none"
        />
      </div>
      <div id={listId} role="listbox" aria-label="Results" className="max-h-[50vh] overflow-y-auto p-1.5">
        {entries.length === 0 && <p className="px-3 py-6 text-center text-sm text-muted">Nothing matches.</p>}
        {entries.map((entry) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input keeps the focus and handles the keys
          <div
            key={entry.key}
            id={`${listId}-${entry.key}`}
            role="option"
            tabIndex={-1}
            aria-selected={entry === chosen}
            ref={entry === chosen ? scrollIntoView : undefined}
            onClick={() => run(entry)}
            className="flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2 text-sm hover:bg-hover aria-selected:bg-accent-soft"
          >
            <Icon name={entry.icon} />
            <span className="flex-1 truncate">{entry.label}</span>
            <span className="text-xs text-muted">{entry.hint}</span>
          </div>
        ))}
      </div>
    </>
  );
}

function scrollIntoView(element: HTMLElement | null): void {
  element?.scrollIntoView?.({ block: "nearest" });
}
