import {
  Background,
  BackgroundVariant,
  type EdgeChange,
  type FinalConnectionState,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  SelectionMode,
  useStore as useFlowStore,
  useReactFlow,
} from "@xyflow/react";
import {
  type MouseEvent as ReactMouseEvent,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
} from "react";
import { boxOf, type Canvas, type Point } from "../documents/canvas";
import { useStore } from "../lib/external-store";
import { useOwned } from "../lib/use-owned";
import { useSay } from "../ui/toast";
import { ArrowHead } from "./arrow-head";
import { useCanvasActions } from "./canvas-actions";
import { useCanEdit, useCanvasScope } from "./canvas-context";
import { CanvasControls } from "./canvas-controls";
import { Cursors } from "./cursors";
import { DragBatch } from "./drag-batch";
import type { FlowEdge, FlowNode } from "./flow-model";
import { flowStage } from "./flow-stage";
import { LinkEdge } from "./link-edge";
import { NodeCard } from "./node-card";
import { explainRefusal } from "./refusals";
import { useStage } from "./stage";

const NODE_TYPES = { card: NodeCard };
const EDGE_TYPES = { link: LinkEdge };
const MIDDLE_BUTTON = 1;
/** Below this zoom details cannot be read: cards are drawn without them, so that a whole large canvas pans smoothly. */
const FAR_BELOW_ZOOM = 0.4;
const makeDragBatch = (canvas: Canvas) => new DragBatch(canvas);

/** No first view is smaller than this on a small screen, where nothing could be read. */
const FIRST_ZOOM_ON_SMALL_SCREENS = 0.45;
const SMALL_SCREEN_PX = 640;
/** Near enough to read the open node, and far enough to see what is around it. */
const ZOOM_ON_OPEN_NODE = 0.8;

interface CanvasViewProps {
  /** The node whose panel is open. */
  openNode: string | null;
  isShown: boolean;
  /** Asks for a template of the selection; null: one may make none. */
  onMakeTemplate: (() => void) | null;
}

/** The canvas: React Flow over the views of the document. */
export function CanvasView(props: CanvasViewProps) {
  return (
    <ReactFlowProvider>
      <Surface {...props} />
    </ReactFlowProvider>
  );
}

function Surface({ openNode, isShown, onMakeTemplate }: CanvasViewProps) {
  const { canvas, flow, presence, renaming } = useCanvasScope();
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const say = useSay();
  const { screenToFlowPosition } = useReactFlow();
  const nodes = useStore(flow.nodes);
  const edges = useStore(flow.edges);
  const drag = useOwned(makeDragBatch, canvas);
  const wrapper = useRef<HTMLDivElement>(null);
  const far = useFlowStore((state) => state.transform[2] < FAR_BELOW_ZOOM);
  const pointed = useRef<Point | null>(null);
  useFirstView(openNode, nodes.length > 0);
  useCanvasStage(wrapper, pointed, isShown);

  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      const selected = changes.filter((change) => change.type === "select");
      if (selected.length > 0) flow.applySelection("nodes", selected);
      for (const change of changes) {
        if (change.type === "position" && change.position && change.dragging !== undefined && drag) {
          drag.move(change.id, change.position);
        }
      }
    },
    [flow, drag],
  );
  const onEdgesChange = useCallback(
    (changes: EdgeChange<FlowEdge>[]) => {
      const selected = changes.filter((change) => change.type === "select");
      if (selected.length > 0) flow.applySelection("edges", selected);
    },
    [flow],
  );
  const connect = useCallback(
    (source: string, target: string) => {
      const refusal = canvas.connect(source, target);
      if (refusal) say(explainRefusal(refusal));
    },
    [canvas, say],
  );
  const onConnectEnd = useCallback(
    (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      if (state.isValid || !state.fromNode || !state.fromHandle) return;
      const other = state.toNode?.id ?? nodeUnder(event);
      if (!other || other === state.fromNode.id) return;
      if (state.fromHandle.type === "source") connect(state.fromNode.id, other);
      else connect(other, state.fromNode.id);
    },
    [connect],
  );
  const onDoubleClick = (event: ReactMouseEvent) => {
    const target = event.target as HTMLElement;
    const nodeId = target.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (nodeId && target.closest("[data-card-title]") && canEdit) renaming.set(nodeId);
    else if (nodeId && !target.closest("input, button")) actions.openNode(nodeId);
    else if (target.classList.contains("react-flow__pane") && canEdit) {
      actions.addNode(screenToFlowPosition({ x: event.clientX, y: event.clientY }));
    }
  };
  const onPointerMove = (event: ReactMouseEvent) => {
    const at = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    pointed.current = at;
    presence.publish({ pointer: { x: Math.round(at.x), y: Math.round(at.y) } });
  };
  const coarse = useMemo(() => window.matchMedia("(pointer: coarse)").matches, []);

  return (
    <ReactFlow<FlowNode, FlowEdge>
      ref={wrapper}
      data-stage
      aria-label="Canvas"
      className={far ? "far" : ""}
      nodes={nodes as FlowNode[]}
      edges={edges as FlowEdge[]}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onNodeDragStart={() => drag?.start()}
      onNodeDragStop={() => drag?.end()}
      onSelectionDragStart={() => drag?.start()}
      onSelectionDragStop={() => drag?.end()}
      onConnect={({ source, target }) => connect(source, target)}
      onConnectEnd={onConnectEnd}
      isValidConnection={({ source, target }) => canvas.connectRefusal(source, target) === null}
      onDoubleClick={onDoubleClick}
      onMouseMove={onPointerMove}
      onMouseLeave={() => presence.publish({ pointer: null })}
      nodesDraggable={canEdit}
      nodesConnectable={canEdit}
      nodesFocusable={false}
      edgesFocusable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      multiSelectionKeyCode={["Meta", "Control", "Shift"]}
      selectionKeyCode={null}
      selectionOnDrag={!coarse}
      selectionMode={SelectionMode.Partial}
      panOnDrag={coarse ? true : [MIDDLE_BUTTON]}
      zoomOnDoubleClick={false}
      onlyRenderVisibleElements
      elevateNodesOnSelect
      minZoom={0.08}
      maxZoom={2}
      nodeDragThreshold={3}
      connectionRadius={28}
    >
      <Background variant={BackgroundVariant.Dots} gap={24} size={1.5} color="var(--color-line)" />
      <ArrowHead />
      <Cursors />
      <CanvasControls onMakeTemplate={onMakeTemplate} />
    </ReactFlow>
  );
}

function nodeUnder(event: MouseEvent | TouchEvent): string | null {
  const point = "changedTouches" in event ? event.changedTouches[0] : event;
  if (!point) return null;
  const element = document.elementFromPoint(point.clientX, point.clientY);
  return element?.closest<HTMLElement>(".react-flow__node")?.dataset.id ?? null;
}

/**
 * Shows the open node, or else everything, when the first nodes arrive; afterwards, or once I have added one, the view
 * is my own.
 */
function useFirstView(openNode: string | null, hasNodes: boolean): void {
  const { canvas } = useCanvasScope();
  const { fitView } = useReactFlow();
  const fitted = useRef(false);
  useEffect(() => {
    if (!hasNodes || fitted.current) return;
    fitted.current = true;
    if (canvas.undo.canUndo()) return;
    if (openNode && canvas.node(openNode)) {
      void fitView({ nodes: [{ id: openNode }], maxZoom: ZOOM_ON_OPEN_NODE });
    } else {
      const isSmall = window.innerWidth < SMALL_SCREEN_PX;
      void fitView({ padding: 0.2, maxZoom: 1, ...(isSmall && { minZoom: FIRST_ZOOM_ON_SMALL_SCREENS }) });
    }
  }, [canvas, openNode, hasNodes, fitView]);
}

function useCanvasStage(
  wrapper: RefObject<HTMLElement | null>,
  pointed: RefObject<Point | null>,
  isShown: boolean,
): void {
  const { canvas, flow, stage: place } = useCanvasScope();
  const view = useReactFlow();
  const stage = useMemo(() => {
    const base = flowStage({
      view,
      pane: () => wrapper.current,
      boxOf: (id) => {
        const node = canvas.node(id);
        return node && boxOf(node);
      },
      boxes: () =>
        flow.nodes
          .get()
          .map(({ id, position, width = 0, height = 0 }) => ({ id, box: { ...position, width, height } })),
      selected: () => flow.onlyNode,
    });
    return { ...base, placeForNew: () => pointed.current ?? base.placeForNew() };
  }, [canvas, flow, view, wrapper, pointed]);
  useStage(place, stage, isShown);
}
