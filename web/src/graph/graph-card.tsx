import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import type * as Y from "yjs";
import { useCanvasScope, useStates } from "../canvas/canvas-context";
import { useMapText } from "../documents/yjs";
import { LockBadge } from "../locks/lock-badge";
import { StatusPill } from "../ui/status-pill";
import { type GraphNode, graphTitleId } from "./graph-model";

/** A node in the graph: its title and status. */
export const GraphCard = memo(function GraphCard({ id, selected, data }: NodeProps<GraphNode>) {
  const { canvas } = useCanvasScope();
  const node = canvas.nodes.get(id);
  return node ? <Card id={id} node={node} selected={selected ?? false} isAside={data.isAside} /> : null;
});

interface CardProps {
  id: string;
  node: Y.Map<unknown>;
  selected: boolean;
  isAside: boolean;
}

function Card({ id, node, selected, isAside }: CardProps) {
  const states = useStates();
  const title = useMapText(node, "title").trim();
  const status = useMapText(node, "status");
  return (
    <div
      className={`flex h-full items-center gap-2 rounded-xl border bg-surface px-3 shadow-card transition-[opacity,border-color] duration-100 ${selected ? "border-accent ring-1 ring-accent" : "border-line hover:border-line-strong"} ${isAside ? "aside" : ""}`}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} className="handle handle-off" />
      <span
        id={graphTitleId(id)}
        className={`line-clamp-2 min-w-0 flex-1 text-[13px] leading-4 font-medium break-words ${title ? "" : "text-muted"}`}
      >
        {title || "Untitled"}
      </span>
      <StatusPill status={status} states={states} />
      <LockBadge nodeId={id} className="absolute -top-2.5 right-3" />
      <Handle type="source" position={Position.Right} isConnectable={false} className="handle handle-off" />
    </div>
  );
}
