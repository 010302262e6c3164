import { Panel } from "@xyflow/react";
import { useStore } from "../lib/external-store";
import { Button, IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { useCanvasActions } from "./canvas-actions";
import { useCanEdit, useCanvasScope } from "./canvas-context";
import { SelectionBar } from "./selection-bar";
import { BAR, ZoomBar } from "./zoom-bar";

/** The few controls that float over the canvas. `onMakeTemplate`: null where one may not make templates. */
export function CanvasControls({ onMakeTemplate }: { onMakeTemplate: (() => void) | null }) {
  const actions = useCanvasActions();
  const canEdit = useCanEdit();
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
        <div className="flex flex-wrap gap-2">
          <ZoomBar />
          {canEdit && <UndoBar />}
          {onMakeTemplate && <SelectionBar onMakeTemplate={onMakeTemplate} />}
        </div>
      </Panel>
    </>
  );
}

function UndoBar() {
  const { history } = useCanvasScope();
  const actions = useCanvasActions();
  const { canUndo, canRedo } = useStore(history.state);
  return (
    <div className={BAR} role="group" aria-label="History of my edits">
      <IconButton icon="undo" label="Undo my last edit" disabled={!canUndo} onClick={() => actions.undo()} />
      <IconButton icon="redo" label="Redo" disabled={!canRedo} onClick={() => actions.redo()} />
    </div>
  );
}
