import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import { useCanEdit, useCanvasScope } from "./canvas-context";
import type { FlowEdge } from "./flow-model";

/** Edges meet the border of a card, which is the middle of its handles. */
const HANDLE_RADIUS = 6;

/** A dependency between two nodes. One on a cycle is dashed and red, and explains itself. */
export const LinkEdge = memo(function LinkEdge(props: EdgeProps<FlowEdge>) {
  const conflict = props.data?.conflict ?? false;
  const [path, labelX, labelY] = getBezierPath({
    ...props,
    sourceX: props.sourceX - HANDLE_RADIUS,
    targetX: props.targetX + HANDLE_RADIUS,
  });
  const stroke = conflict
    ? "var(--color-danger)"
    : props.selected
      ? "var(--color-accent)"
      : "var(--color-line-strong)";
  return (
    <>
      <BaseEdge
        path={path}
        interactionWidth={20}
        markerEnd="url(#link-arrow)"
        style={{
          stroke,
          strokeWidth: props.selected ? 2.25 : 1.5,
          strokeDasharray: conflict ? "6 5" : undefined,
        }}
      />
      {conflict && <Conflict edgeId={props.id} x={labelX} y={labelY} />}
    </>
  );
});

function Conflict({ edgeId, x, y }: { edgeId: string; x: number; y: number }) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  return (
    <EdgeLabelRenderer>
      <div
        className="nodrag nopan pointer-events-auto absolute flex items-center gap-2 rounded-lg border border-danger bg-danger-soft px-2 py-1 text-[11px] text-danger"
        style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
      >
        <span title="Two people joined these nodes at the same time, and together the edges form a cycle.">
          Closes a cycle
        </span>
        {canEdit && (
          <button
            type="button"
            className="font-semibold underline"
            onClick={() => canvas.remove(new Set(), new Set([edgeId]))}
          >
            Remove edge
          </button>
        )}
      </div>
    </EdgeLabelRenderer>
  );
}
