import { type ReactNode, useState } from "react";
import type { Place } from "../app/router";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanEdit } from "../canvas/canvas-context";
import { useOpenRuns } from "./open-runs";
import { RunDialog } from "./run-dialog";
import { FIRST_FORM, type RunForm } from "./run-options";

interface Asked {
  nodeId: string;
  /** What is filled in already. */
  form: RunForm;
}

/** Asks how an agent is to go about a node, and shows the run once it has begun. */
export function useRunDialog(options: Partial<Pick<Place, "wholePage">> = {}): {
  /** Null where the server has no agents, or I may not edit. */
  ask: ((nodeId: string, form?: RunForm) => void) | null;
  dialog: ReactNode;
} {
  const runs = useOpenRuns();
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const [asked, setAsked] = useState<Asked | null>(null);
  const nodeId = asked?.nodeId ?? null;
  const close = () => setAsked(null);
  const current = runs?.find((run) => run.nodeId === nodeId && run.status !== "pending") ?? null;
  return {
    ask: runs !== null && canEdit ? (id, form = FIRST_FORM) => setAsked({ nodeId: id, form }) : null,
    dialog: (
      <RunDialog
        nodeId={nodeId}
        first={asked?.form ?? FIRST_FORM}
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
