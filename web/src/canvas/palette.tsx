import { titleOf } from "../documents/canvas";
import type { IconName } from "../ui/icon";
import { Picker, type PickerEntry } from "../ui/picker";
import { useCanvasScope } from "./canvas-context";

export interface PaletteAction {
  label: string;
  icon: IconName;
  shortcut?: string;
  run: () => void;
}

interface PaletteProps {
  open: boolean;
  onClose: () => void;
  actions: PaletteAction[];
  onNode: (id: string) => void;
}

/** Finds any node or action by typing. */
export function Palette({ open, onClose, actions, onNode }: PaletteProps) {
  const { canvas, flow } = useCanvasScope();
  const entries = () => [
    ...actions.map(
      ({ label, icon, shortcut, run }): PickerEntry => ({
        key: label,
        label,
        icon,
        hint: shortcut ?? "Action",
        run,
      }),
    ),
    ...flow.nodes.get().map(({ id }): PickerEntry => {
      const label = titleOf(canvas.node(id));
      return { key: id, label, icon: "node", hint: "Node", run: () => onNode(id) };
    }),
  ];
  return <Picker label="Find a node or an action" open={open} onClose={onClose} entries={entries} />;
}
