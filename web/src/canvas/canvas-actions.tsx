import { createContext, type ReactNode, use, useMemo } from "react";
import { navigate, type Place, type ProjectView, projectPath } from "../app/router";
import { CARD, type Point } from "../documents/canvas";
import { useCanEdit, useCanvasScope, useStates } from "./canvas-context";
import type { Direction } from "./geometry";

/** What a person can do in a project, for the mouse, the keyboard and the palette alike. */
export interface CanvasActions {
  /** Adds a node where one points, or where the view has a place for it; `parentId`: inside that one. */
  addNode(at?: Point, parentId?: string): void;
  openNode(id: string, options?: Partial<Pick<Place, "wholePage" | "part" | "runId" | "stepId">>): void;
  /** Opens the history of the canvas. */
  showHistory(): void;
  /** Closes the node, or the history, that is open beside the view. */
  closePanel(): void;
  showView(view: ProjectView): void;
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

export function CanvasActionsProvider({ place, children }: { place: ShownPlace; children: ReactNode }) {
  return <Context value={useActions(place)}>{children}</Context>;
}

type ShownPlace = Pick<Place, "view" | "nodeId" | "part" | "runId" | "stepId">;

function useActions({ view, nodeId, part, runId, stepId }: ShownPlace): CanvasActions {
  const { canvas, flow, history, renaming, stage, projectId, userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const firstState = useStates()[0] ?? "draft";

  return useMemo(() => {
    const show = (id: string) => {
      if (!canvas.node(id)) return;
      flow.select([id]);
      stage.get()?.show(id);
    };
    return {
      addNode(at, parentId) {
        if (!canEdit) return;
        const middle = at ?? stage.get()?.placeForNew() ?? { x: 0, y: 0 };
        const place = { x: Math.round(middle.x - CARD.width / 2), y: Math.round(middle.y - CARD.height / 2) };
        const id = canvas.addNode(place, { userId, status: firstState, parentId });
        flow.select([id]);
        renaming.set(id);
      },
      openNode(id, options) {
        flow.select([id]);
        navigate(projectPath(projectId, { ...options, view, nodeId: id }));
      },
      showHistory: () => navigate(projectPath(projectId, { view, part: "history" })),
      closePanel: () => navigate(projectPath(projectId, { view })),
      showView: (next) => navigate(projectPath(projectId, { view: next, nodeId, part, runId, stepId })),
      focusNode: show,
      revealNode: (id) => stage.get()?.reveal(id),
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
        const next = stage.get()?.next(direction);
        if (next) show(next);
      },
      fit: () => stage.get()?.fit(),
      zoom: (direction) => stage.get()?.zoom(direction),
      undo() {
        if (canEdit) history.undo();
      },
      redo() {
        if (canEdit) history.redo();
      },
    };
  }, [
    canvas,
    flow,
    history,
    renaming,
    stage,
    projectId,
    nodeId,
    part,
    runId,
    stepId,
    userId,
    view,
    canEdit,
    firstState,
  ]);
}
