import { useCanvasScope } from "../canvas/canvas-context";
import { explainNesting } from "../canvas/refusals";
import { Picker, type PickerEntry } from "../ui/picker";
import { useSay } from "../ui/toast";
import type { NodeFacts } from "./node-table";

interface MovePickerProps {
  /** What is moved; null: nothing is asked. */
  moved: ReadonlySet<string> | null;
  nodes: ReadonlyMap<string, NodeFacts>;
  onClose: () => void;
}

/** Asks inside which node others are to go. */
export function MovePicker({ moved, nodes, onClose }: MovePickerProps) {
  const { canvas } = useCanvasScope();
  const say = useSay();
  const entries = (): PickerEntry[] => {
    if (!moved) return [];
    const moveTo = (parent: string | null) => {
      const refusal = canvas.nest(moved, parent);
      if (refusal) say(explainNesting(refusal));
    };
    const top: PickerEntry = {
      key: "top",
      label: "The top of the tree",
      icon: "up",
      hint: "",
      run: () => moveTo(null),
    };
    const others = [...nodes.values()].filter(({ id }) => canvas.nestRefusal(moved, id) === null);
    return [
      top,
      ...others.map(
        ({ id, title }): PickerEntry => ({
          key: id,
          label: title || "Untitled",
          icon: "node",
          hint: "Node",
          run: () => moveTo(id),
        }),
      ),
    ];
  };
  return <Picker label="Move inside which node?" open={moved !== null} onClose={onClose} entries={entries} />;
}
