import { useState } from "react";
import {
  type NodeVersion,
  type NodeVersionChange,
  useNodeVersions,
  useRefreshNodeVersions,
  useRollBack,
} from "../api/node-versions";
import { useCanEdit } from "../canvas/canvas-context";
import { useProjectEvents } from "../events/project-feed";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon, type IconName } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { nameOf } from "./authors";

interface NodeVersionsProps {
  nodeId: string;
  /** Shows what was written in the node at a place; null: nothing was ever written in it. */
  onChoose: ((seq: number) => void) | null;
}

/** What a node was as a whole, its title and status included, and the way back. */
export function NodeVersions({ nodeId, onChoose }: NodeVersionsProps) {
  const canEdit = useCanEdit();
  const pages = useNodeVersions(nodeId);
  const [chosen, setChosen] = useState<NodeVersion | null>(null);
  useFollowedVersions(nodeId);
  return (
    <section aria-label="Versions" className="grid gap-2">
      <h2 className="text-[13px] font-semibold text-muted">Versions of the node</h2>
      <Loaded what="The versions" query={{ ...pages, data: pages.versions }}>
        {(versions) => (
          <>
            {versions.length === 0 && (
              <p className="text-[13px] text-muted">
                The first one is kept as soon as somebody has changed it.
              </p>
            )}
            <ol aria-label="Versions" className="grid">
              {versions.map((version) => (
                <Version
                  key={version.version}
                  version={version}
                  by={nameOf(pages.authors[version.changedBy])}
                  onChoose={onChoose && (() => onChoose(version.nodeSeq))}
                  onBack={canEdit ? () => setChosen(version) : null}
                />
              ))}
            </ol>
            <MorePages pages={pages} />
          </>
        )}
      </Loaded>
      <RollBack nodeId={nodeId} version={chosen} onClose={() => setChosen(null)} />
    </section>
  );
}

/** Asks anew when there is another version. */
function useFollowedVersions(nodeId: string): void {
  const refresh = useRefreshNodeVersions(nodeId);
  useProjectEvents({
    types: ["version_created"],
    onEvent: (event) => event.nodeId === nodeId && refresh(),
    onGap: refresh,
  });
}

const ICONS: Record<NodeVersionChange, IconName> = {
  created: "plus",
  updated: "text",
  status_change: "check",
  session: "people",
  rollback: "undo",
};

interface VersionProps {
  version: NodeVersion;
  /** What to call whoever made it. */
  by: string;
  onChoose: (() => void) | null;
  onBack: (() => void) | null;
}

function Version({ version: { version, changeType, ...rest }, by, onChoose, onBack }: VersionProps) {
  const content = (
    <>
      <span aria-hidden className="grid size-7 shrink-0 place-items-center rounded-full bg-sunken text-muted">
        <Icon name={ICONS[changeType] ?? "text"} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate text-[13px]">
          <span className="font-medium">Version {version}</span>{" "}
          <span className="text-muted">{rest.changeSummary}</span>
        </span>
        <span className="block truncate text-xs text-muted">
          {by}
          {" · "}
          <time dateTime={rest.createdAt} title={new Date(rest.createdAt).toLocaleString("en")}>
            {timeAgo(rest.createdAt, Date.now())}
          </time>
        </span>
      </span>
    </>
  );
  const look = "flex min-w-0 flex-1 items-center gap-3 rounded-lg px-2 py-1.5 text-left";
  return (
    <li className="flex min-h-11 items-center gap-1 rounded-lg hover:bg-hover">
      {onChoose ? (
        <button type="button" onClick={onChoose} className={look}>
          {content}
        </button>
      ) : (
        <span className={look}>{content}</span>
      )}
      {onBack && (
        <Button look="quiet" onClick={onBack}>
          Back to version {version}
        </Button>
      )}
    </li>
  );
}

interface RollBackProps {
  nodeId: string;
  /** The version to go back to; null: nobody asks for one. */
  version: NodeVersion | null;
  onClose: () => void;
}

function RollBack({ nodeId, version, onClose }: RollBackProps) {
  const rollBack = useRollBack(nodeId);
  const close = () => {
    rollBack.reset();
    onClose();
  };
  return (
    <Confirm
      title={`Back to version ${version?.version}?`}
      action="Go back"
      open={version !== null}
      isPending={rollBack.isPending}
      error={rollBack.error}
      onClose={close}
      onConfirm={() => {
        if (version) rollBack.mutate(version.version, { onSuccess: close });
      }}
    >
      Title, status, fields, body, inputs and outputs become what they were then, and the node is inside what
      it was inside then, for everybody, as a new edit. What came since stays in the history, so that this can
      be taken back. Where the node lies on the canvas stays as it is.
    </Confirm>
  );
}
