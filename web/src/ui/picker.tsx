import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, type ReactNode, type Ref, useId, useState } from "react";
import { rank } from "../lib/rank";
import { Icon, type IconName } from "./icon";

export interface PickerEntry {
  key: string;
  label: string;
  icon: IconName;
  hint: string;
  /** A line or two below its label. */
  detail?: ReactNode;
  /** Whether the picker stays open when it is chosen. */
  staysOpen?: boolean;
  run: () => void;
}

/** Entries that belong together. */
export interface PickerGroup {
  label: string;
  entries: readonly PickerEntry[];
}

interface PickerFrameProps {
  /** What can be found: the title, and the name of the field. */
  label: string;
  open: boolean;
  onClose: () => void;
}

interface PickerProps extends PickerFrameProps {
  /** Everything that can be found. Asked for while it is open only. */
  entries: () => PickerEntry[];
}

const SHOWN_AT_MOST = 50;

/** Finds one of many by typing. */
export function Picker(props: PickerProps) {
  return (
    <PickerFrame {...props}>
      <RankedBody {...props} />
    </PickerFrame>
  );
}

function RankedBody({ label, entries: all, onClose }: PickerProps) {
  const [query, setQuery] = useState("");
  const entries = rank(query, all()).slice(0, SHOWN_AT_MOST);
  return (
    <PickerBody
      label={label}
      query={query}
      onQuery={setQuery}
      groups={[{ label: "Results", entries }]}
      notice={entries.length === 0 && "Nothing matches."}
      onClose={onClose}
    />
  );
}

/** The dialog in which one finds something. */
export function PickerFrame({ label, open, onClose, children }: PickerFrameProps & { children: ReactNode }) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/30" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 animate-rise overflow-hidden rounded-2xl border border-line bg-raised shadow-float"
        >
          <Radix.Title className="sr-only">{label}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface PickerBodyProps {
  /** The field. */
  ref?: Ref<HTMLInputElement>;
  label: string;
  query: string;
  onQuery: (query: string) => void;
  groups: readonly PickerGroup[];
  /** What is said about what was found, or not yet. */
  notice: ReactNode;
  onClose: () => void;
}

/** The field, and below it what was found. The field keeps the focus. */
export function PickerBody({ ref, label, query, onQuery, groups, notice, onClose }: PickerBodyProps) {
  const [active, setActive] = useState(0);
  const listId = useId();
  const shown = groups.filter(({ entries }) => entries.length > 0);
  const all = shown.flatMap(({ entries }) => entries);
  const at = Math.min(active, all.length - 1);
  const run = (entry: PickerEntry) => {
    if (!entry.staysOpen) onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const chosen = all[at];
    if (step !== 0 && all.length > 0) {
      event.preventDefault();
      setActive((at + step + all.length) % all.length);
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      // A key that is held would choose again, among what has changed by then.
      if (!event.nativeEvent.repeat) run(chosen);
    }
  };
  return (
    <>
      <div className="flex items-center gap-3 border-b border-line px-4 text-muted">
        <Icon name="search" />
        <input
          ref={ref}
          role="combobox"
          aria-label={label}
          aria-expanded
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={at >= 0 ? `${listId}-${at}` : undefined}
          value={query}
          placeholder={label}
          onChange={(event) => {
            onQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
          className="h-12 flex-1 bg-transparent text-[15px] text-ink outline-none"
        />
      </div>
      <div
        id={listId}
        role="listbox"
        aria-label="Results"
        className={`max-h-[50vh] overflow-y-auto ${all.length > 0 ? "p-1.5" : ""}`}
      >
        {shown.map((group, index) => (
          <Group
            key={group.label}
            group={group}
            isNamed={groups.length > 1}
            listId={listId}
            from={shown.slice(0, index).reduce((count, { entries }) => count + entries.length, 0)}
            active={at}
            onRun={run}
          />
        ))}
      </div>
      <div role="status" className="px-4 text-center text-[13px] text-muted not-empty:py-3">
        {notice || null}
      </div>
    </>
  );
}

interface GroupProps {
  group: PickerGroup;
  isNamed: boolean;
  listId: string;
  /** The place of its first entry among all. */
  from: number;
  active: number;
  onRun: (entry: PickerEntry) => void;
}

function Group({ group: { label, entries }, isNamed, listId, from, active, onRun }: GroupProps) {
  return (
    <div role="group" aria-label={label}>
      {isNamed && (
        <div aria-hidden className="px-3 pt-2 pb-1 text-xs font-medium text-muted">
          {label}
        </div>
      )}
      {entries.map((entry, index) => {
        const isActive = from + index === active;
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input keeps the focus and handles the keys
          <div
            key={entry.key}
            id={`${listId}-${from + index}`}
            role="option"
            tabIndex={-1}
            aria-selected={isActive}
            ref={isActive ? scrollIntoView : undefined}
            onMouseDown={keepFocus}
            onClick={() => onRun(entry)}
            className="flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2 text-sm hover:bg-hover aria-selected:bg-accent-soft"
          >
            <Icon name={entry.icon} />
            <span className="min-w-0 flex-1">
              <span className="block truncate">{entry.label}</span>
              {entry.detail && (
                <span className="line-clamp-2 text-xs break-words text-muted">{entry.detail}</span>
              )}
            </span>
            <span className="max-w-40 shrink-0 truncate text-xs text-muted">{entry.hint}</span>
          </div>
        );
      })}
    </div>
  );
}

function keepFocus(event: { preventDefault: () => void }): void {
  event.preventDefault();
}

function scrollIntoView(element: HTMLElement | null): void {
  element?.scrollIntoView?.({ block: "nearest" });
}
