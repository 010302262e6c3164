import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanvasScope } from "../canvas/canvas-context";
import { IconButton } from "../ui/button";
import { Menu, type MenuItem } from "../ui/menu";
import type { NodeFacts } from "./node-table";

export interface RowMenuProps {
  node: NodeFacts;
  isTabStop: boolean;
  canEdit: boolean;
  /** Asks where a node is to go. */
  onMove: (id: string) => void;
  onAddInside: (id: string) => void;
}

/** What can be done with a node in the tree. */
export function RowMenu({ node, isTabStop, canEdit, onMove, onAddInside }: RowMenuProps) {
  const { canvas, flow, renaming } = useCanvasScope();
  const actions = useCanvasActions();
  const edits: MenuItem[] = [
    { label: "Add a node inside", icon: "plus", onSelect: () => onAddInside(node.id) },
    {
      label: "Rename",
      icon: "text",
      shortcut: "F2",
      // Once the menu has given the focus back.
      onSelect: () => window.setTimeout(() => renaming.set(node.id)),
    },
    { label: "Move inside…", icon: "arrowIn", onSelect: () => onMove(node.id) },
    {
      label: "Move to the top",
      icon: "up",
      disabled: node.parentId === null,
      onSelect: () => void canvas.nest(new Set([node.id]), null),
    },
    {
      label: "Move to the trash",
      icon: "trash",
      shortcut: "Del",
      danger: true,
      onSelect: () => {
        canvas.remove(new Set([node.id]));
        flow.select([]);
      },
    },
  ];
  return (
    <Menu
      trigger={
        <IconButton
          icon="more"
          label={`Actions for ${node.title || "Untitled"}`}
          tabIndex={isTabStop ? 0 : -1}
          onDoubleClick={(event) => event.stopPropagation()}
          className="size-7"
        />
      }
      items={[
        { label: "Open", icon: "expand", shortcut: "Enter", onSelect: () => actions.openNode(node.id) },
        ...(canEdit ? edits : []),
      ]}
    />
  );
}
