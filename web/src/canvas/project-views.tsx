import { lazy, Suspense, useState } from "react";
import type { ProjectView } from "../app/router";
import { patient } from "../lib/patient";
import { Fetching } from "../ui/fetching";
import { CanvasView } from "./canvas-view";

const TreeView = lazy(patient(() => import("../tree/tree-view")));
const GraphView = lazy(patient(() => import("../graph/graph-view")));

interface ProjectViewsProps {
  view: ProjectView;
  nodeId: string | null;
  isShown: boolean;
  /** Asks for a template of the selection; null: one may make none. */
  onMakeTemplate: (() => void) | null;
}

/** The view that the address names. The canvas stays once it was there, so that one comes back to the same place. */
export function ProjectViews({ view, nodeId, isShown, onMakeTemplate }: ProjectViewsProps) {
  const isOnCanvas = view === "canvas" && isShown;
  const [hasCanvas, setHasCanvas] = useState(isOnCanvas);
  if (isOnCanvas && !hasCanvas) setHasCanvas(true);
  return (
    <>
      {hasCanvas && (
        <div className={view === "canvas" ? "h-full" : "hidden"}>
          <CanvasView openNode={nodeId} isShown={isOnCanvas} onMakeTemplate={onMakeTemplate} />
        </div>
      )}
      {view !== "canvas" && (
        <Suspense fallback={<Fetching what={view} />}>
          {view === "tree" ? <TreeView /> : <GraphView openNode={nodeId} />}
        </Suspense>
      )}
    </>
  );
}
