import type { Place } from "../app/router";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { useRunOf } from "./open-runs";
import { useRunDialog } from "./use-run-dialog";

/** Gives an open node to an agent. It is not there where the server has no agents, or where I may not edit. */
export function RunButton({ place }: { place: Place & { nodeId: string } }) {
  const { ask, dialog } = useRunDialog(place);
  const current = useRunOf(place.nodeId);
  if (!ask) return null;
  return (
    <>
      <Button
        look={current ? "plain" : "primary"}
        className="mr-1"
        aria-keyshortcuts="R"
        title="Run an agent on this node (R)"
        onClick={() => ask(place.nodeId)}
      >
        <Icon name="play" size={14} /> Run
      </Button>
      {dialog}
    </>
  );
}
