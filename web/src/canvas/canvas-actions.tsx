import { useReactFlow } from "@xyflow/react";
import { createContext, type ReactNode, use, useMemo, useRef } from "react";
import { navigate, projectPath } from "../app/router";
import { type Box, boxOf, CARD, type Point } from "../documents/canvas";
import { useCanEdit, useCanvasScope, useStates } from "./canvas-context";
import { type Direction, neighbourOf } from "./geometry";

/** What a person can do on a canvas, for the mouse, the keyboard and the palette alike. */
export interface CanvasActions {
  addNode(at?: Point): void;
  pointAt(at: Point): void;
  openNode(id: string, wholePage?: boolean): void;
  closeNode(): void;
  /** Selects a node, brings it into view so that it can be read, and gives it the focus. */
  focusNode(id: string): void;
  /** Brings a node into view. */
  revealNode(id: string): void;
  renameSelected(): void;
  deleteSelected(): void;
  selectAll(): void;
  clearSelection(): void;
  moveSelection(direction: Direction): void;
  fit(): void;
  zoom(direction: "in" | "out"): void;
  undo(): void;
  redo(): void;
}

const Context = createContext<CanvasActions | null>(null);

export function useCanvasActions(): CanvasActions {
  const actions = use(Context);
  if (!actions) throw new Error("useCanvasActions needs a CanvasActionsProvider above it");
  return actions;
}

export function CanvasActionsProvider({ children }: { children: ReactNode }) {
  return <Context value={useActions()}>{children}</Context>;
}

/** The smallest zoom at which all that a card says can be read. */
const READABLE_ZOOM = 0.6;
const MOTION = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 180;

function useActions(): CanvasActions {
  const { canvas, flow, history, renaming, projectId, userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const firstState = useStates()[0] ?? "draft";
  const view = useReactFlow();
  const pointed = useRef<Point | null>(null);

  return useMemo(() => {
    const show = (id: string, zoomAtLeast = 0) => {
      const node = canvas.node(id);
      if (!node) return;
      flow.select([id]);
      const shown = bringIntoView(view, boxOf(node), zoomAtLeast);
      void shown.then(() => requestAnimationFrame(() => focusCard(id)));
    };
    return {
      addNode(at) {
        if (!canEdit) return;
        const middle = at ?? pointed.current ?? centreOfView(view);
        const place = { x: Math.round(middle.x - CARD.width / 2), y: Math.round(middle.y - CARD.height / 2) };
        const id = canvas.addNode(place, { userId, status: firstState });
        flow.select([id]);
        renaming.set(id);
      },
      pointAt(at) {
        pointed.current = at;
      },
      openNode(id, wholePage = false) {
        flow.select([id]);
        navigate(projectPath(projectId, id, wholePage));
      },
      closeNode: () => navigate(projectPath(projectId)),
      focusNode: (id) => show(id, READABLE_ZOOM),
      revealNode(id) {
        const node = canvas.node(id);
        if (node) void bringIntoView(view, boxOf(node));
      },
      renameSelected() {
        if (canEdit && flow.onlyNode) renaming.set(flow.onlyNode);
      },
      deleteSelected() {
        const { nodes, edges } = flow.selection.get();
        if (!canEdit || nodes.size + edges.size === 0) return;
        canvas.remove(nodes, edges);
        flow.select([]);
      },
      selectAll: () => flow.select(flow.nodes.get().map((node) => node.id)),
      clearSelection: () => flow.select([]),
      moveSelection(direction) {
        const from = flow.onlyNode ? canvas.node(flow.onlyNode) : null;
        const nodes = flow.nodes.get();
        const others = nodes.map(({ id, position, width = 0, height = 0 }) => ({
          id,
          box: { ...position, width, height },
        }));
        const next = from ? neighbourOf(boxOf(from), others, direction) : (nodes[0]?.id ?? null);
        if (next) show(next);
      },
      fit: () => void view.fitView({ padding: 0.2, maxZoom: 1, duration: MOTION }),
      zoom: (direction) =>
        void (direction === "in" ? view.zoomIn({ duration: MOTION }) : view.zoomOut({ duration: MOTION })),
      undo() {
        if (canEdit) history.undo();
      },
      redo() {
        if (canEdit) history.redo();
      },
    };
  }, [canvas, flow, history, renaming, projectId, userId, canEdit, firstState, view]);
}

type View = ReturnType<typeof useReactFlow>;

function paneRect(): DOMRect {
  return document.querySelector(".react-flow")?.getBoundingClientRect() ?? new DOMRect(0, 0, 800, 600);
}

function centreOfView(view: View): Point {
  const pane = paneRect();
  return view.screenToFlowPosition({ x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 });
}

async function bringIntoView(view: View, box: Box, zoomAtLeast = 0): Promise<void> {
  const pane = paneRect();
  const topLeft = view.flowToScreenPosition({ x: box.x, y: box.y });
  const bottomRight = view.flowToScreenPosition({ x: box.x + box.width, y: box.y + box.height });
  const inside =
    topLeft.x >= pane.left &&
    topLeft.y >= pane.top &&
    bottomRight.x <= pane.right &&
    bottomRight.y <= pane.bottom;
  if (inside && view.getZoom() >= zoomAtLeast) return;
  const zoom = Math.max(view.getZoom(), READABLE_ZOOM);
  await view.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom, duration: MOTION });
}

function focusCard(id: string): void {
  document.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus({ preventScroll: true });
}
