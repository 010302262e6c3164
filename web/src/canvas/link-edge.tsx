import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath, getSmoothStepPath } from "@xyflow/react";
import { memo } from "react";
import { titleOf } from "../documents/canvas";
import { useCanEdit, useCanvasScope } from "./canvas-context";
import type { FlowEdge, Route } from "./flow-model";

/** Edges meet the border of a card, which is the middle of its handles. */
const HANDLE_RADIUS = 6;

/** A dependency between two nodes. One on a cycle is dashed and red, and explains itself. */
export const LinkEdge = memo(function LinkEdge(props: EdgeProps<FlowEdge>) {
  const conflict = props.data?.conflict ?? false;
  const path = pathOf(props);
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
      {conflict && <Conflict edge={props} />}
    </>
  );
});

/** A curve; one that leads back to the left goes around the cards. */
function pathOf(props: EdgeProps<FlowEdge>): string {
  const ends = {
    ...props,
    sourceX: props.sourceX - HANDLE_RADIUS,
    targetX: props.targetX + HANDLE_RADIUS,
  };
  const route = props.data?.route;
  if (route) return routedPath(ends, route);
  const leadsBack = ends.targetX < ends.sourceX + 24;
  return leadsBack ? getSmoothStepPath({ ...ends, borderRadius: 16, offset: 24 })[0] : getBezierPath(ends)[0];
}

/** A curve through the passages of a route. */
export function routedPath({ sourceX, sourceY, targetX, targetY }: Ends, { points, stretch }: Route): string {
  let [x, y] = [sourceX, sourceY];
  let path = `M${x},${y}`;
  const curveTo = (nextX: number, nextY: number) => {
    const middle = (x + nextX) / 2;
    path += ` C${middle},${y} ${middle},${nextY} ${nextX},${nextY}`;
    [x, y] = [nextX, nextY];
  };
  for (const point of points) {
    curveTo(point.x, point.y);
    x = point.x + stretch;
    path += ` L${x},${y}`;
  }
  curveTo(targetX, targetY);
  return path;
}

interface Ends {
  sourceX: number;
  sourceY: number;
  targetX: number;
  targetY: number;
}

function Conflict({ edge }: { edge: EdgeProps<FlowEdge> }) {
  const { canvas } = useCanvasScope();
  const canEdit = useCanEdit();
  return (
    <EdgeLabelRenderer>
      <div
        className="nodrag nopan pointer-events-auto absolute flex items-center gap-2 rounded-lg border border-danger bg-danger-soft px-2 py-1 text-[11px] text-danger"
        style={{
          // Where the edge begins, and above the cards: the middles of two that lead back and forth coincide.
          transform: `translate(${edge.sourceX + 8}px, ${edge.sourceY}px) translateY(-50%)`,
          zIndex: 1001,
        }}
      >
        <span title="Two people joined these nodes at the same time, and together the edges form a cycle.">
          Closes a cycle
        </span>
        {canEdit && (
          <button
            type="button"
            aria-label={`Remove edge from ${titleOf(canvas.node(edge.source))} to ${titleOf(canvas.node(edge.target))}`}
            className="font-semibold underline"
            onClick={() => canvas.remove(new Set(), new Set([edge.id]))}
          >
            Remove edge
          </button>
        )}
      </div>
    </EdgeLabelRenderer>
  );
}
