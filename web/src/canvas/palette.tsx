import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useId, useState } from "react";
import { titleOf } from "../documents/canvas";
import { Icon, type IconName } from "../ui/icon";
import { useCanvasScope } from "./canvas-context";
import { rank } from "./rank";

export interface PaletteAction {
  label: string;
  icon: IconName;
  shortcut?: string;
  run: () => void;
}

interface PaletteProps {
  open: boolean;
  onClose: () => void;
  actions: PaletteAction[];
  onNode: (id: string) => void;
}

const SHOWN_AT_MOST = 50;

/** Finds any node or action by typing. */
export function Palette(props: PaletteProps) {
  return (
    <Radix.Root open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/30" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 animate-rise overflow-hidden rounded-2xl border border-line bg-raised shadow-float"
        >
          <Radix.Title className="sr-only">Find a node or an action</Radix.Title>
          <PaletteBody {...props} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface Entry {
  key: string;
  label: string;
  icon: IconName;
  hint: string;
  run: () => void;
}

function useEntries({ actions, onNode, query }: PaletteProps & { query: string }): Entry[] {
  const { canvas, flow } = useCanvasScope();
  const nodes = flow.nodes.get().map(({ id }): Entry => {
    const label = titleOf(canvas.node(id));
    return { key: id, label, icon: "node", hint: "Node", run: () => onNode(id) };
  });
  const commands = actions.map(
    ({ label, icon, shortcut, run }): Entry => ({ key: label, label, icon, hint: shortcut ?? "Action", run }),
  );
  return rank(query, [...commands, ...nodes]).slice(0, SHOWN_AT_MOST);
}

function PaletteBody(props: PaletteProps) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const entries = useEntries({ ...props, query });
  const listId = useId();
  const chosen = entries[Math.min(active, entries.length - 1)];
  const run = (entry: Entry) => {
    props.onClose();
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
          aria-label="Find a node or an action"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={chosen ? `${listId}-${chosen.key}` : undefined}
          value={query}
          placeholder="Find a node or an action"
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
