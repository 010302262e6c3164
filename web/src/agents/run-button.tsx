import { useState } from "react";
import { navigate, type Place, projectPath } from "../app/router";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { useOpenRuns, useRunOf } from "./open-runs";
import { RunDialog } from "./run-dialog";

/** Gives an open node to an agent. It is not there where the server has no agents, or where I may not edit. */
export function RunButton({ place }: { place: Place & { nodeId: string } }) {
  const { projectId } = useCanvasScope();
  const isOffered = useOpenRuns() !== null;
  const canEdit = useCanEdit();
  const current = useRunOf(place.nodeId);
  const [isAsking, setIsAsking] = useState(false);
  if (!isOffered || !canEdit) return null;
  return (
    <>
      <Button look={current ? "plain" : "primary"} className="mr-1" onClick={() => setIsAsking(true)}>
        <Icon name="play" size={14} /> Run
      </Button>
      <RunDialog
        nodeId={place.nodeId}
        current={current}
        open={isAsking}
        onClose={() => setIsAsking(false)}
        onBegun={({ id }) => {
          setIsAsking(false);
          navigate(projectPath(projectId, { ...place, part: "runs", runId: id, stepId: null }));
        }}
      />
    </>
  );
}
