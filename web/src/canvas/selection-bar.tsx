import { useStore } from "../lib/external-store";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { useCanvasScope } from "./canvas-context";
import { BAR } from "./zoom-bar";

/** As many selected nodes make a selection that is offered something of its own. */
const SEVERAL = 2;

/** What can be done with nodes that are selected together. */
export function SelectionBar({ onMakeTemplate }: { onMakeTemplate: () => void }) {
  const { canvas, flow } = useCanvasScope();
  const selection = useStore(flow.selection);
  const count = [...selection.nodes].filter((id) => canvas.node(id) !== null).length;
  if (count < SEVERAL) return null;
  return (
    <div className={BAR} role="group" aria-label="Selected nodes">
      <span className="px-2 text-xs text-muted">{plural(count, "node")}</span>
      <Button look="quiet" onClick={onMakeTemplate}>
        <Icon name="template" /> Make a template of these…
      </Button>
    </div>
  );
}
