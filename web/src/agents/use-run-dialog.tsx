import { type ReactNode, useState } from "react";
import type { Place } from "../app/router";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanEdit } from "../canvas/canvas-context";
import { useOpenRuns } from "./open-runs";
import { RunDialog } from "./run-dialog";

/** Asks how an agent is to go about a node, and shows the run once it has begun. */
export function useRunDialog(options: Partial<Pick<Place, "wholePage">> = {}): {
  /** Null where the server has no agents, or I may not edit. */
  ask: ((nodeId: string) => void) | null;
  dialog: ReactNode;
} {
  const runs = useOpenRuns();
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const [nodeId, setNodeId] = useState<string | null>(null);
  const close = () => setNodeId(null);
  const current = runs?.find((run) => run.nodeId === nodeId && run.status !== "pending") ?? null;
  return {
    ask: runs !== null && canEdit ? setNodeId : null,
    dialog: (
      <RunDialog
        nodeId={nodeId}
        current={current}
        onClose={close}
        onBegun={(run) => {
          close();
          actions.openNode(run.nodeId, { wholePage: options.wholePage, part: "runs", runId: run.id });
        }}
      />
    ),
  };
}
