import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo, useMemo } from "react";
import type * as Y from "yjs";
import { CardRun } from "../agents/live-line";
import { metadataOf } from "../documents/canvas";
import { sharedStore, useMapText } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { shortDate } from "../lib/text";
import { LockBadge } from "../locks/lock-badge";
import { AvatarRow } from "../ui/avatar";
import { badgeStyle } from "../ui/color";
import { Icon } from "../ui/icon";
import { StatusPill, statusLook } from "../ui/status-pill";
import { AuthorMark } from "./author-mark";
import { useCanEdit, useCanvasScope, useStates } from "./canvas-context";
import { type FlowNode, titleElementId } from "./flow-model";
import { TitleInput, useIsRenaming } from "./title-input";

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
  const agent = useMapText(node, "authorType", "human") === "agent";
  const authorId = useMapText(node, "authorUserId");
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
          <AuthorMark agent={agent} userId={authorId} />
          <StatusPill status={status} states={states} />
          <Facts node={node} />
        </span>
        {faces.length > 0 && <AvatarRow people={faces} size={22} />}
      </div>
      <LockBadge nodeId={id} className="absolute -top-2.5 right-3" />
      <CardRun nodeId={id} />
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

function Title({ id, node }: { id: string; node: Y.Map<unknown> }) {
  const title = useMapText(node, "title");
  const isRenaming = useIsRenaming(id);
  if (isRenaming) {
    return (
      <TitleInput
        id={id}
        title={title}
        elementId={titleElementId(id)}
        onFinish={() => document.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus()}
        className="nodrag nopan -mx-1.5 -my-0.5 h-7 text-[15px]"
      />
    );
  }
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
