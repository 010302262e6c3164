import {
  Background,
  BackgroundVariant,
  type EdgeChange,
  type NodeChange,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  ViewportPortal,
} from "@xyflow/react";
import { type RefObject, useMemo, useRef } from "react";
import { ArrowHead } from "../canvas/arrow-head";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanvasScope } from "../canvas/canvas-context";
import type { FlowEdge } from "../canvas/flow-model";
import { belowAll, flowStage } from "../canvas/flow-stage";
import { LinkEdge } from "../canvas/link-edge";
import { useStage } from "../canvas/stage";
import { ZoomBar } from "../canvas/zoom-bar";
import { boxOf } from "../documents/canvas";
import { useStore } from "../lib/external-store";
import { plural } from "../lib/text";
import { Icon } from "../ui/icon";
import { GraphCard } from "./graph-card";
import { chainOf, type GraphNode, graphEdges, graphNodes } from "./graph-model";
import { GRAPH_CARD, type GraphLayout, layOut } from "./layout";

const NODE_TYPES = { graph: GraphCard };
const EDGE_TYPES = { link: LinkEdge };

/** What depends on what: the edges of the canvas, in layers. */
export default function GraphView({ openNode }: { openNode: string | null }) {
  return (
    <ReactFlowProvider>
      <Graph openNode={openNode} />
    </ReactFlowProvider>
  );
}

function Graph({ openNode }: { openNode: string | null }) {
  const { flow } = useCanvasScope();
  const actions = useCanvasActions();
  const nodes = useStore(flow.nodes);
  const edges = useStore(flow.edges);
  const layout = useLayout();
  const selection = useStore(flow.selection);
  const [only] = selection.nodes;
  const chain = useMemo(
    () => (selection.nodes.size === 1 && only !== undefined ? chainOf(only, edges) : null),
    [selection, only, edges],
  );
  const shownNodes = useMemo(() => graphNodes(nodes, layout, chain), [nodes, layout, chain]);
  const shownEdges = useMemo(() => graphEdges(edges, layout, chain), [edges, layout, chain]);
  const pane = useRef<HTMLDivElement>(null);
  useGraphStage(pane, layout);
  const focus = useRef(openNode ?? flow.onlyNode);

  const onNodesChange = (changes: NodeChange<GraphNode>[]) => {
    const selected = changes.filter((change) => change.type === "select");
    if (selected.length > 0) flow.applySelection("nodes", selected);
  };
  const onEdgesChange = (changes: EdgeChange<FlowEdge>[]) => {
    const selected = changes.filter((change) => change.type === "select");
    if (selected.length > 0) flow.applySelection("edges", selected);
  };
  return (
    <ReactFlow<GraphNode, FlowEdge>
      ref={pane}
      data-stage
      aria-label="Graph"
      className="graph"
      nodes={shownNodes}
      edges={shownEdges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onNodeClick={(event, { id }) => {
        if (!(event.metaKey || event.ctrlKey || event.shiftKey)) actions.openNode(id);
      }}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      multiSelectionKeyCode={["Meta", "Control", "Shift"]}
      panOnDrag
      fitView
      fitViewOptions={
        focus.current ? { nodes: [{ id: focus.current }], maxZoom: 0.9 } : { padding: 0.15, maxZoom: 1 }
      }
      zoomOnDoubleClick={false}
      onlyRenderVisibleElements
      minZoom={0.05}
      maxZoom={2}
    >
      <Background variant={BackgroundVariant.Dots} gap={24} size={1.5} color="var(--color-line)" />
      <ArrowHead />
      {layout.aloneFrom !== null && <AloneHeading at={layout.aloneFrom} />}
      <Panel position="bottom-left">
        <ZoomBar />
      </Panel>
      <Conflicts edges={edges} />
    </ReactFlow>
  );
}

/** The places of the nodes. They are worked out anew only when nodes or edges come or go. */
function useLayout(): GraphLayout {
  const { flow } = useCanvasScope();
  const nodes = useStore(flow.nodes);
  const links = useStore(flow.links);
  const known = useRef<{ ids: string[]; links: typeof links; layout: GraphLayout } | null>(null);
  return useMemo(() => {
    const ids = nodes.map(({ id }) => id);
    const before = known.current;
    if (before && before.links === links && sameIds(before.ids, ids)) return before.layout;
    const layout = layOut(ids, links);
    known.current = { ids, links, layout };
    return layout;
  }, [nodes, links]);
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

function useGraphStage(pane: RefObject<HTMLElement | null>, { places }: GraphLayout): void {
  const { canvas, flow, stage: place } = useCanvasScope();
  const view = useReactFlow();
  const stage = useMemo(
    () =>
      flowStage({
        view,
        pane: () => pane.current,
        boxOf: (id) => {
          const at = places.get(id);
          return at ? { ...at, ...GRAPH_CARD } : null;
        },
        boxes: () => [...places].map(([id, at]) => ({ id, box: { ...at, ...GRAPH_CARD } })),
        selected: () => flow.onlyNode,
        // A node has its place on the canvas, whatever the graph makes of it.
        placeForNew: () =>
          belowAll(
            flow.nodes.get().flatMap(({ id }) => {
              const node = canvas.node(id);
              return node ? [{ box: boxOf(node) }] : [];
            }),
          ),
      }),
    [view, pane, places, canvas, flow],
  );
  useStage(place, stage);
}

function AloneHeading({ at }: { at: number }) {
  return (
    <ViewportPortal>
      <p className="absolute text-[13px] text-muted" style={{ transform: `translate(0, ${at - 32}px)` }}>
        Joined to nothing
      </p>
    </ViewportPortal>
  );
}

/** Says how many edges are on cycles: they may be out of view. */
function Conflicts({ edges }: { edges: readonly FlowEdge[] }) {
  const count = edges.reduce((sum, edge) => sum + (edge.data?.conflict ? 1 : 0), 0);
  return (
    <Panel position="top-right">
      <div role="status">
        {count > 0 && (
          <p className="flex items-center gap-2 rounded-xl border border-danger bg-danger-soft px-3 py-1.5 text-[13px] text-danger">
            <Icon name="warning" /> {plural(count, "edge is", "edges are")} on a cycle: remove one to open it.
          </p>
        )}
      </div>
    </Panel>
  );
}
