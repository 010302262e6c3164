import { useState } from "react";
import { messageOf } from "../api/http";
import { type Lock, useLockChanges } from "../api/locks";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { timeAgo } from "../lib/text";
import { Button, IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { useSay } from "../ui/toast";
import { isMine, useLock } from "./locks";
import { useToggleLock } from "./use-toggle-lock";

/** Takes the lock of a node, or gives it back. */
export function LockButton({ nodeId }: { nodeId: string }) {
  const { userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const lock = useLock(nodeId);
  const toggle = useToggleLock();
  if (!canEdit || (lock && !isMine(lock, userId))) return null;
  return (
    <IconButton
      icon={lock ? "unlock" : "lock"}
      label={lock ? "Unlock" : "Lock, so that others leave it alone"}
      shortcut="L"
      aria-pressed={lock !== null}
      onClick={() => toggle(nodeId)}
    />
  );
}

/** Says who has locked the open node, what that means, and what one can do. */
export function LockBar({ nodeId, canForce }: { nodeId: string; canForce: boolean }) {
  const { userId } = useCanvasScope();
  const lock = useLock(nodeId);
  return (
    <div role="status" className="px-6 max-sm:px-4">
      {lock &&
        (isMine(lock, userId) ? <MineBar lock={lock} /> : <TheirsBar lock={lock} canForce={canForce} />)}
    </div>
  );
}

const BAR = "mb-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl px-3 py-2 text-[13px]";

function MineBar({ lock }: { lock: Lock }) {
  return (
    <p className={`${BAR} bg-accent-soft text-accent`}>
      <Icon name="lock" />
      <span className="min-w-40 flex-1">
        You have locked this node{lock.enforced ? ": others can only read it" : ""}. It is unlocked when you
        leave it.
      </span>
    </p>
  );
}

function TheirsBar({ lock, canForce }: { lock: Lock; canForce: boolean }) {
  const { projectId } = useCanvasScope();
  const canEdit = useCanEdit();
  const { wait, release } = useLockChanges(projectId);
  const [isForcing, setIsForcing] = useState(false);
  const say = useSay();
  const { name } = lock.holder;
  return (
    <div className={`${BAR} bg-warn-soft text-warn`}>
      <Icon name="lock" />
      <p className="min-w-40 flex-1">
        {name} has locked this node {timeAgo(lock.acquiredAt, Date.now())}.{" "}
        {lock.enforced
          ? "You can read it, and follow what happens."
          : "You can still edit it, but they asked to be left alone."}
      </p>
      {canEdit && (
        <Button
          disabled={wait.isPending || wait.data === "told-later"}
          onClick={() =>
            wait.mutate(lock.nodeId, {
              onSuccess: (outcome) => {
                if (outcome === "taken") say("It was free by then: you hold the lock now.");
              },
              onError: (error) => say(messageOf(error)),
            })
          }
        >
          {wait.data === "told-later" ? "You will be told" : "Tell me when it is free"}
        </Button>
      )}
      {canForce && <Button onClick={() => setIsForcing(true)}>Take it away…</Button>}
      <Confirm
        title={`Take the lock of ${name} away?`}
        action="Take it away"
        danger
        open={isForcing}
        isPending={release.isPending}
        error={release.error}
        onClose={() => {
          release.reset();
          setIsForcing(false);
        }}
        onConfirm={() =>
          release.mutate({ nodeId: lock.nodeId, force: true }, { onSuccess: () => setIsForcing(false) })
        }
      >
        They may be in the middle of something. That you did it is noted in the audit log.
      </Confirm>
    </div>
  );
}
