import { Handle, type NodeProps, Position } from "@xyflow/react";
import { type KeyboardEvent, memo, useMemo, useRef } from "react";
import type * as Y from "yjs";
import { metadataOf } from "../documents/canvas";
import { sharedStore, useMapText } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { initials } from "../lib/text";
import { AvatarRow } from "../ui/avatar";
import { badgeStyle } from "../ui/color";
import { Icon } from "../ui/icon";
import { StatusPill, statusLook } from "../ui/status-pill";
import { useCanEdit, useCanvasScope, useName, useStates } from "./canvas-context";
import { type FlowNode, titleElementId } from "./flow-model";

/** A node on the canvas. It follows its own map of the document, and nothing else of it. */
export const NodeCard = memo(function NodeCard({ id, selected }: NodeProps<FlowNode>) {
  const { canvas } = useCanvasScope();
  const node = canvas.nodes.get(id);
  return node ? <Card id={id} node={node} selected={selected ?? false} /> : null;
});

function Card({ id, node, selected }: { id: string; node: Y.Map<unknown>; selected: boolean }) {
  const { presence } = useCanvasScope();
  const states = useStates();
  const canEdit = useCanEdit();
  const status = useMapText(node, "status");
  const faces = useStore(useMemo(() => presence.facesOf(id), [presence, id]));
  const selector = useStore(useMemo(() => presence.selectorOf(id), [presence, id]));
  const handle = `handle ${canEdit ? "" : "handle-off"}`;
  return (
    <div
      className={`card look-${statusLook(status, states)} flex h-full flex-col justify-between rounded-xl border bg-surface px-3.5 py-3 shadow-card transition-[border-color,box-shadow] duration-100 ${selected ? "border-accent ring-1 ring-accent" : "border-line hover:border-line-strong"}`}
      style={selector && !selected ? { boxShadow: `0 0 0 2px ${selector.color}` } : undefined}
    >
      <Handle type="target" position={Position.Left} isConnectable={canEdit} className={handle} />
      <Title id={id} node={node} />
      <div className="card-details flex h-6 items-center justify-between gap-2">
        <span className="flex min-w-0 items-center gap-2">
          <AuthorMark node={node} />
          <StatusPill status={status} states={states} />
          <Facts node={node} />
        </span>
        {faces.length > 0 && <AvatarRow people={faces} size={22} />}
      </div>
      {selector && !selected && (
        <span
          className="absolute -top-2.5 left-3 max-w-40 truncate rounded px-1.5 text-[10px] leading-4 font-medium"
          style={badgeStyle(selector)}
        >
          {selector.name}
        </span>
      )}
      <Handle type="source" position={Position.Right} isConnectable={canEdit} className={handle} />
    </div>
  );
}

/** Who made the node: a person is round, an agent is a rounded square. */
function AuthorMark({ node }: { node: Y.Map<unknown> }) {
  const agent = useMapText(node, "authorType", "human") === "agent";
  const name = useName(useMapText(node, "authorUserId"));
  const label = agent ? `Made by an agent${name ? ` of ${name}` : ""}` : `Made by ${name ?? "a person"}`;
  return (
    <span
      role="img"
      aria-label={label}
      title={label}
      className={`grid size-[22px] shrink-0 place-items-center border border-line bg-sunken text-[9px] font-semibold text-muted ${agent ? "rounded-md" : "rounded-full"}`}
    >
      {agent ? "AI" : initials(name ?? "")}
    </span>
  );
}

function Facts({ node }: { node: Y.Map<unknown> }) {
  const facts = useStore(useMemo(() => sharedStore(node, readFacts, { deep: true }), [node]));
  return (
    <>
      {facts.priority === "high" && (
        <span role="img" aria-label="High priority" title="High priority" className="text-danger">
          <Icon name="up" size={14} />
        </span>
      )}
      {facts.dueDate && (
        <span className="text-[11px] whitespace-nowrap text-muted" title={`Due ${facts.dueDate}`}>
          {shortDate(facts.dueDate)}
        </span>
      )}
    </>
  );
}

interface CardFacts {
  priority: unknown;
  dueDate: string | null;
}

function readFacts(node: Y.Map<unknown>): CardFacts {
  const metadata = metadataOf(node);
  const dueDate = metadata?.get("dueDate");
  return {
    priority: metadata?.get("priority"),
    dueDate: typeof dueDate === "string" && dueDate ? dueDate : null,
  };
}

function shortDate(date: string): string {
  const parsed = new Date(`${date.slice(0, 10)}T00:00:00`);
  if (Number.isNaN(parsed.getTime())) return date;
  return parsed.toLocaleDateString("en", { month: "short", day: "numeric" });
}

function Title({ id, node }: { id: string; node: Y.Map<unknown> }) {
  const { renaming } = useCanvasScope();
  const title = useMapText(node, "title");
  const isRenaming = useStore(useMemo(() => renamingStore(renaming, id), [renaming, id]));
  if (isRenaming) return <TitleInput id={id} title={title} />;
  return (
    <div
      id={titleElementId(id)}
      data-card-title
      className={`line-clamp-2 text-[15px] leading-5 font-medium break-words ${title.trim() ? "" : "text-muted"}`}
    >
      {title.trim() ? title : "Untitled"}
    </div>
  );
}

function renamingStore(renaming: { subscribe(l: () => void): () => void; get(): string | null }, id: string) {
  return { subscribe: renaming.subscribe, get: () => renaming.get() === id };
}

function TitleInput({ id, title }: { id: string; title: string }) {
  const { canvas, renaming } = useCanvasScope();
  const abandoned = useRef(false);
  const finish = () => {
    renaming.set(null);
    document.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") abandoned.current = true;
    if (event.key === "Enter" || event.key === "Escape") finish();
  };
  return (
    <input
      id={titleElementId(id)}
      aria-label="Node title"
      // biome-ignore lint/a11y/noAutofocus: renaming was asked for just now
      autoFocus
      defaultValue={title}
      placeholder="Untitled"
      maxLength={500}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => {
        if (!abandoned.current) canvas.changeText(id, "title", event.currentTarget.value.trim());
        if (renaming.get() === id) renaming.set(null);
      }}
      onKeyDown={onKeyDown}
      className="nodrag nopan -mx-1.5 -my-0.5 h-7 rounded-md border border-accent bg-surface px-1 text-[15px] font-medium"
    />
  );
}
