import { type KeyboardEvent, type ReactNode, use, useId, useMemo, useState } from "react";
import type * as Y from "yjs";
import { NamesContext, useCanEdit, useCanvasScope, useStates } from "../canvas/canvas-context";
import { metadataOf, stringsOf } from "../documents/canvas";
import { sharedStore, useMapText } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { humanize } from "../lib/text";
import { Icon } from "../ui/icon";
import { statusLook } from "../ui/status-pill";

const PRIORITIES = ["low", "medium", "high"] as const;
const INPUT =
  "h-8 rounded-lg border border-transparent bg-transparent px-2 -mx-2 text-[13px] hover:enabled:border-line " +
  "focus:border-line disabled:appearance-none disabled:text-ink disabled:opacity-100";
const DOT = {
  quiet: "bg-quiet",
  info: "bg-info",
  warn: "bg-warn",
  good: "bg-good",
  danger: "bg-danger",
} as const;

interface FieldsProps {
  nodeId: string;
  node: Y.Map<unknown>;
}

/** Status, assignees, due date, priority and tags. */
export function NodeFields({ nodeId, node }: FieldsProps) {
  return (
    <dl className="grid grid-cols-[88px_1fr] items-center gap-x-4 gap-y-1">
      <Status nodeId={nodeId} node={node} />
      <Assignees nodeId={nodeId} node={node} />
      <DueDate nodeId={nodeId} node={node} />
      <Priority nodeId={nodeId} node={node} />
      <Tags nodeId={nodeId} node={node} />
    </dl>
  );
}

function Row({ label, id, children }: { label: string; id: string; children: ReactNode }) {
  return (
    <>
      <dt>
        <label htmlFor={id} className="text-[13px] text-muted">
          {label}
        </label>
      </dt>
      <dd className="flex min-w-0 items-center gap-2">{children}</dd>
    </>
  );
}

function Status({ nodeId, node }: FieldsProps) {
  const { canvas } = useCanvasScope();
  const states = useStates();
  const canEdit = useCanEdit();
  const status = useMapText(node, "status");
  const id = useId();
  const offered = !status || states.includes(status) ? states : [...states, status];
  return (
    <Row label="Status" id={id}>
      <span aria-hidden className={`size-2 rounded-full ${DOT[statusLook(status, states)]}`} />
      <select
        id={id}
        disabled={!canEdit}
        value={status}
        onChange={(event) => canvas.changeText(nodeId, "status", event.target.value)}
        className={INPUT}
      >
        {!status && <option value="">None</option>}
        {offered.map((state) => (
          <option key={state} value={state}>
            {humanize(state)}
          </option>
        ))}
      </select>
    </Row>
  );
}

function useMetadata<T>(node: Y.Map<unknown>, read: (metadata: Y.Map<unknown> | null) => T): T {
  // biome-ignore lint/correctness/useExhaustiveDependencies: how a member is read does not change
  const store = useMemo(() => sharedStore(node, () => read(metadataOf(node)), { deep: true }), [node]);
  return useStore(store);
}

function readText(key: string) {
  return (metadata: Y.Map<unknown> | null): string => {
    const value = metadata?.get(key);
    return typeof value === "string" ? value : "";
  };
}

function Assignees({ nodeId, node }: FieldsProps) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  const names = use(NamesContext);
  const assignees = useMetadata(node, (metadata) => stringsOf(metadata?.get("assignees")));
  const id = useId();
  const set = (next: string[]) => canvas.setMetadata(nodeId, "assignees", next.length > 0 ? next : null);
  const others = [...names].filter(([person]) => !assignees.includes(person));
  return (
    <Row label="Assignees" id={id}>
      <span className="flex min-w-0 flex-1 flex-wrap items-center gap-1">
        {assignees.map((person) => (
          <Chip
            key={person}
            removeLabel={`Take it from ${names.get(person) ?? "somebody"}`}
            onRemove={canEdit ? () => set(assignees.filter((other) => other !== person)) : null}
          >
            {names.get(person) ?? "Somebody"}
          </Chip>
        ))}
        <select
          id={id}
          disabled={!canEdit || others.length === 0}
          value=""
          onChange={(event) => event.target.value && set([...assignees, event.target.value])}
          className={`${INPUT} max-w-28 text-muted ${assignees.length > 0 ? "mx-0" : ""}`}
        >
          <option value="">{assignees.length > 0 ? "Add…" : canEdit ? "Nobody yet" : "Nobody"}</option>
          {others.map(([person, name]) => (
            <option key={person} value={person}>
              {name}
            </option>
          ))}
        </select>
      </span>
    </Row>
  );
}

interface ChipProps {
  children: ReactNode;
  removeLabel: string;
  onRemove: (() => void) | null;
}

function Chip({ children, removeLabel, onRemove }: ChipProps) {
  return (
    <span className="flex items-center gap-1 rounded-md bg-sunken py-0.5 pr-1 pl-2 text-xs">
      {children}
      {onRemove && (
        <button
          type="button"
          aria-label={removeLabel}
          onClick={onRemove}
          className="rounded text-muted hover:text-ink"
        >
          <Icon name="close" size={12} />
        </button>
      )}
    </span>
  );
}

function DueDate({ nodeId, node }: FieldsProps) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  const dueDate = useMetadata(node, readText("dueDate"));
  const id = useId();
  return (
    <Row label="Due date" id={id}>
      <input
        id={id}
        type="date"
        disabled={!canEdit}
        value={dueDate.slice(0, 10)}
        onChange={(event) => canvas.setMetadata(nodeId, "dueDate", event.target.value || null)}
        className={`${INPUT} ${dueDate ? "" : "text-muted"}`}
      />
    </Row>
  );
}

function Priority({ nodeId, node }: FieldsProps) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  const priority = useMetadata(node, readText("priority"));
  const id = useId();
  const known: readonly string[] = PRIORITIES;
  const offered = !priority || known.includes(priority) ? known : [...known, priority];
  return (
    <Row label="Priority" id={id}>
      <select
        id={id}
        disabled={!canEdit}
        value={priority}
        onChange={(event) => canvas.setMetadata(nodeId, "priority", event.target.value || null)}
        className={`${INPUT} ${priority ? "" : "text-muted"}`}
      >
        <option value="">None</option>
        {offered.map((value) => (
          <option key={value} value={value}>
            {humanize(value)}
          </option>
        ))}
      </select>
    </Row>
  );
}

function Tags({ nodeId, node }: FieldsProps) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  const tags = useMetadata(node, (metadata) => stringsOf(metadata?.get("tags")));
  const [draft, setDraft] = useState("");
  const id = useId();
  const set = (next: string[]) => canvas.setMetadata(nodeId, "tags", next.length > 0 ? next : null);
  const add = () => {
    const tag = draft.trim().replace(/,$/, "").trim();
    setDraft("");
    if (tag && !tags.includes(tag)) set([...tags, tag]);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && draft === "" && tags.length > 0) set(tags.slice(0, -1));
  };
  return (
    <Row label="Tags" id={id}>
      <span className="flex min-w-0 flex-1 flex-wrap items-center gap-1">
        {tags.map((tag) => (
          <Chip
            key={tag}
            removeLabel={`Remove tag ${tag}`}
            onRemove={canEdit ? () => set(tags.filter((other) => other !== tag)) : null}
          >
            {tag}
          </Chip>
        ))}
        <input
          id={id}
          disabled={!canEdit}
          value={draft}
          placeholder={tags.length > 0 ? "" : canEdit ? "Add a tag" : "None"}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={add}
          className={`${INPUT} min-w-20 flex-1 ${tags.length > 0 ? "mx-0" : ""}`}
        />
      </span>
    </Row>
  );
}
