import type { useReactFlow } from "@xyflow/react";
import { type Box, CARD, type Point } from "../documents/canvas";
import { type Direction, neighbourOf } from "./geometry";
import type { Stage } from "./stage";

/** The smallest zoom at which all that a card says can be read. */
const READABLE_ZOOM = 0.6;
export const MOTION = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 180;

type View = ReturnType<typeof useReactFlow>;

interface Cards {
  view: View;
  /** The element that React Flow fills. */
  pane: () => Element | null;
  boxOf: (id: string) => Box | null;
  boxes: () => readonly { id: string; box: Box }[];
  selected: () => string | null;
  /** Where a new node goes; left out: the middle of what is seen. */
  placeForNew?: () => Point;
}

/** The stage of a view that React Flow draws. */
export function flowStage({ view, pane, boxOf, boxes, selected, placeForNew }: Cards): Stage {
  const rect = () => pane()?.getBoundingClientRect() ?? new DOMRect(0, 0, 800, 600);
  const bring = async (id: string, zoomAtLeast: number) => {
    const box = boxOf(id);
    if (!box) return;
    if (isInside(rect(), view, box) && view.getZoom() >= zoomAtLeast) return;
    const zoom = Math.max(view.getZoom(), READABLE_ZOOM);
    await view.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom, duration: MOTION });
  };
  const focus = (id: string) =>
    pane()?.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus({ preventScroll: true });
  return {
    placeForNew: placeForNew ?? (() => centreOf(rect(), view)),
    show: (id) => void bring(id, READABLE_ZOOM).then(() => requestAnimationFrame(() => focus(id))),
    reveal: (id) => void bring(id, 0),
    next(direction: Direction) {
      const from = selected();
      const box = from ? boxOf(from) : null;
      return box ? neighbourOf(box, boxes(), direction) : (boxes()[0]?.id ?? null);
    },
    fit: () => void view.fitView({ padding: 0.2, maxZoom: 1, duration: MOTION }),
    zoom: (direction) =>
      void (direction === "in" ? view.zoomIn({ duration: MOTION }) : view.zoomOut({ duration: MOTION })),
  };
}

/** Below everything that there is: where a node goes that was added in a view without places. */
export function belowAll(boxes: readonly { box: Box }[]): Point {
  if (boxes.length === 0) return { x: CARD.width / 2, y: CARD.height / 2 };
  const left = boxes.reduce((least, { box }) => Math.min(least, box.x), Number.POSITIVE_INFINITY);
  const bottom = boxes.reduce(
    (most, { box }) => Math.max(most, box.y + box.height),
    Number.NEGATIVE_INFINITY,
  );
  return { x: left + CARD.width / 2, y: bottom + 48 + CARD.height / 2 };
}

function centreOf(rect: DOMRect, view: View): Point {
  return view.screenToFlowPosition({ x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 });
}

function isInside(rect: DOMRect, view: View, box: Box): boolean {
  const topLeft = view.flowToScreenPosition({ x: box.x, y: box.y });
  const bottomRight = view.flowToScreenPosition({ x: box.x + box.width, y: box.y + box.height });
  return (
    topLeft.x >= rect.left &&
    topLeft.y >= rect.top &&
    bottomRight.x <= rect.right &&
    bottomRight.y <= rect.bottom
  );
}
