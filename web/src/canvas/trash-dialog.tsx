import { useMemo } from "react";
import * as Y from "yjs";
import { isDeleted, titleOf } from "../documents/canvas";
import { sharedStore } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { useSay } from "../ui/toast";
import { useCanEdit, useCanvasScope } from "./canvas-context";
import { explainClosing } from "./refusals";

/** The nodes that were deleted. Restoring one is an edit like any other. */
export function TrashDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog
      title="Trash"
      description="Deleted nodes keep everything that was written in them."
      open={open}
      onClose={onClose}
    >
      <DeletedNodes />
    </Dialog>
  );
}

function DeletedNodes() {
  const { canvas, flow } = useCanvasScope();
  const canEdit = useCanEdit();
  const say = useSay();
  const deleted = useStore(useMemo(() => sharedStore(canvas.nodes, readDeleted, { deep: true }), [canvas]));
  if (deleted.length === 0) return <Notice icon="trash" title="The trash is empty" />;
  return (
    <ul aria-label="Deleted nodes" className="grid gap-1">
      {deleted.map(({ id, title, deletedAt }) => (
        <li key={id} className="flex items-center justify-between gap-4 py-1">
          <span className="min-w-0">
            <span className="block truncate text-sm font-medium">{title}</span>
            <span className="text-xs text-muted">Deleted {timeAgo(deletedAt, Date.now())}</span>
          </span>
          {canEdit && (
            <Button
              aria-label={`Restore ${title}`}
              onClick={() => {
                const closing = canvas.restore(id);
                flow.select([id]);
                if (closing > 0) say(explainClosing(closing));
              }}
            >
              Restore
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function readDeleted(nodes: Y.Map<Y.Map<unknown>>) {
  return [...nodes]
    .filter(([, node]) => node instanceof Y.Map && isDeleted(node))
    .map(([id, node]) => ({ id, title: titleOf(node), deletedAt: String(node.get("deletedAt")) }))
    .sort((a, b) => b.deletedAt.localeCompare(a.deletedAt));
}
