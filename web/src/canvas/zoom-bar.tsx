import { IconButton } from "../ui/button";
import { useCanvasActions } from "./canvas-actions";

/** A group of controls that floats. */
export const BAR = "flex items-center gap-0.5 rounded-xl border border-line bg-raised p-1 shadow-card";

/** Zooms, and fits everything into view. */
export function ZoomBar() {
  const actions = useCanvasActions();
  return (
    <div className={BAR} role="group" aria-label="Zoom">
      <IconButton icon="zoomOut" label="Zoom out" onClick={() => actions.zoom("out")} />
      <IconButton icon="zoomIn" label="Zoom in" onClick={() => actions.zoom("in")} />
      <IconButton icon="fit" label="Fit everything" shortcut="F" onClick={() => actions.fit()} />
    </div>
  );
}
