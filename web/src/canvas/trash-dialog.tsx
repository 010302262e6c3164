import { useMemo, useState } from "react";
import * as Y from "yjs";
import { isDeleted, parentOf, titleOf } from "../documents/canvas";
import { sharedStore } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { rank } from "../lib/rank";
import { plural, timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
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

/** From how many on one can search them, and how many are shown at first. */
const SEARCHED_FROM = 8;
const SHOWN_AT_FIRST = 50;

function DeletedNodes() {
  const { canvas, flow } = useCanvasScope();
  const canEdit = useCanEdit();
  const say = useSay();
  const deleted = useStore(useMemo(() => sharedStore(canvas.nodes, readDeleted, { deep: true }), [canvas]));
  const [query, setQuery] = useState("");
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  if (deleted.length === 0) return <Notice icon="trash" title="The trash is empty" />;
  const found = rank(
    query,
    deleted.map((node) => ({ ...node, label: node.title })),
  );
  return (
    <div className="grid gap-3">
      {deleted.length > SEARCHED_FROM && (
        <Field label="Find a node" value={query} onChange={(event) => setQuery(event.target.value)} />
      )}
      {found.length === 0 && <p className="text-sm text-muted">Nothing in the trash is called that.</p>}
      <ul aria-label="Deleted nodes" className="grid gap-1">
        {found.slice(0, shown).map(({ id, title, deletedAt, parent }) => (
          <li key={id} className="flex items-center justify-between gap-4 py-1">
            <span className="min-w-0">
              <span className="block truncate text-sm font-medium">{title}</span>
              <span className="block truncate text-xs text-muted">
                Deleted {timeAgo(deletedAt, Date.now())}
                {parent && `, was inside ${parent}`}
              </span>
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
      {found.length > shown && (
        <Button onClick={() => setShown(shown + SHOWN_AT_FIRST)}>
          Show more of {plural(found.length, "node")}
        </Button>
      )}
    </div>
  );
}

function readDeleted(nodes: Y.Map<Y.Map<unknown>>) {
  return [...nodes]
    .filter(([, node]) => node instanceof Y.Map && isDeleted(node))
    .map(([id, node]) => ({
      id,
      title: titleOf(node),
      deletedAt: String(node.get("deletedAt")),
      parent: parentTitle(nodes, node),
    }))
    .sort((a, b) => b.deletedAt.localeCompare(a.deletedAt));
}

function parentTitle(nodes: Y.Map<Y.Map<unknown>>, node: Y.Map<unknown>): string | null {
  const parent = nodes.get(parentOf(node) ?? "");
  return parent instanceof Y.Map ? titleOf(parent) : null;
}
