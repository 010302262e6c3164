import { use, useMemo } from "react";
import { useCanvasActions } from "../canvas/canvas-actions";
import { NamesContext, useCanEdit, useCanvasScope, useStates } from "../canvas/canvas-context";
import { useStore } from "../lib/external-store";
import { humanize, plural } from "../lib/text";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import type { NodeFacts } from "./node-table";
import { type DueFilter, type Filter, isFiltering, NO_FILTER } from "./options";

interface ToolbarProps {
  nodes: ReadonlyMap<string, NodeFacts>;
  /** How many nodes match the filter. */
  matching: number;
}

const CONTROL = "h-8 rounded-lg border border-line bg-raised px-2 text-[13px] text-ink";

/** Finds and filters nodes, and adds one. */
export function TreeToolbar({ nodes, matching }: ToolbarProps) {
  const { treeOptions } = useCanvasScope();
  const { filter } = useStore(treeOptions);
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const set = (change: Partial<Filter>) => {
    const options = treeOptions.get();
    treeOptions.set({ ...options, filter: { ...options.filter, ...change } });
  };
  return (
    <div role="search" aria-label="Filter nodes" className="flex flex-wrap items-center gap-2 px-3 py-2">
      {canEdit && (
        <Button look="primary" aria-keyshortcuts="N" title="New node (N)" onClick={() => actions.addNode()}>
          <Icon name="plus" /> New node
        </Button>
      )}
      <label
        className={`flex min-w-36 flex-1 items-center gap-2 ${CONTROL} text-muted @min-[640px]:max-w-64`}
      >
        <Icon name="search" size={14} />
        <input
          aria-label="Title or tag"
          placeholder="Title or tag"
          value={filter.text}
          onChange={(event) => set({ text: event.target.value })}
          className="min-w-0 flex-1 bg-transparent text-ink outline-none"
        />
      </label>
      <Choices nodes={nodes} filter={filter} onChange={set} />
      {isFiltering(filter) && (
        <Button look="quiet" onClick={() => set(NO_FILTER)}>
          Show all
        </Button>
      )}
      <span role="status" className="ml-auto text-xs text-muted tabular-nums">
        {isFiltering(filter) ? `${matching} of ${plural(nodes.size, "node")}` : plural(nodes.size, "node")}
      </span>
    </div>
  );
}

interface ChoicesProps {
  nodes: ReadonlyMap<string, NodeFacts>;
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
}

function Choices({ nodes, filter, onChange }: ChoicesProps) {
  const names = use(NamesContext);
  const states = useStates();
  const { statuses, authors, tags } = useMemo(() => valuesIn(nodes, names, states), [nodes, names, states]);
  return (
    <>
      <Choice
        label="Status"
        value={filter.status}
        options={statuses}
        onChange={(status) => onChange({ status })}
      />
      <Choice
        label="Author"
        value={filter.author}
        options={authors}
        onChange={(author) => onChange({ author })}
      />
      <Choice label="Tag" value={filter.tag} options={tags} onChange={(tag) => onChange({ tag })} />
      <Choice
        label="Due"
        value={filter.due}
        options={[
          ["overdue", "Overdue"],
          ["week", "In 7 days"],
          ["none", "No date"],
        ]}
        onChange={(due) => onChange({ due: due as DueFilter })}
      />
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={`${CONTROL} max-w-36 ${value ? "border-accent" : "text-muted"}`}
    >
      <option value="">{label}</option>
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

function valuesIn(
  nodes: ReadonlyMap<string, NodeFacts>,
  names: ReadonlyMap<string, string>,
  states: readonly string[],
) {
  const statuses = new Set(states);
  const authors = new Map<string, string>();
  const tags = new Set<string>();
  for (const node of nodes.values()) {
    if (node.status) statuses.add(node.status);
    if (node.authorId) authors.set(node.authorId, names.get(node.authorId) ?? "Somebody");
    for (const tag of node.tags) tags.add(tag);
  }
  return {
    statuses: [...statuses].map((status) => [status, humanize(status)] as const),
    authors: [...authors].sort((a, b) => a[1].localeCompare(b[1])),
    tags: [...tags].sort((a, b) => a.localeCompare(b)).map((tag) => [tag, tag] as const),
  };
}
