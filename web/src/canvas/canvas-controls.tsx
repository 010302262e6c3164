import { Panel } from "@xyflow/react";
import { useStore } from "../lib/external-store";
import { Button, IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { useCanvasActions } from "./canvas-actions";
import { useCanEdit, useCanvasScope } from "./canvas-context";

/** The few controls that float over the canvas. */
export function CanvasControls() {
  const actions = useCanvasActions();
  const canEdit = useCanEdit();
  const bar = "flex items-center gap-0.5 rounded-xl border border-line bg-raised p-1 shadow-card";
  return (
    <>
      {canEdit && (
        <Panel position="top-left">
          <Button look="primary" aria-keyshortcuts="N" title="New node (N)" onClick={() => actions.addNode()}>
            <Icon name="plus" /> New node
          </Button>
        </Panel>
      )}
      <Panel position="bottom-left">
        <div className="flex gap-2">
          <div className={bar} role="group" aria-label="View">
            <IconButton icon="zoomOut" label="Zoom out" onClick={() => actions.zoom("out")} />
            <IconButton icon="zoomIn" label="Zoom in" onClick={() => actions.zoom("in")} />
            <IconButton icon="fit" label="Fit everything" shortcut="F" onClick={() => actions.fit()} />
          </div>
          {canEdit && <UndoBar className={bar} />}
        </div>
      </Panel>
    </>
  );
}

function UndoBar({ className }: { className: string }) {
  const { history } = useCanvasScope();
  const actions = useCanvasActions();
  const { canUndo, canRedo } = useStore(history.state);
  return (
    <div className={className} role="group" aria-label="History of my edits">
      <IconButton icon="undo" label="Undo my last edit" disabled={!canUndo} onClick={() => actions.undo()} />
      <IconButton icon="redo" label="Redo" disabled={!canRedo} onClick={() => actions.redo()} />
    </div>
  );
}
