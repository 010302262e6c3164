import { useMemo } from "react";
import type { Lock } from "../api/locks";
import { useCanvasScope } from "../canvas/canvas-context";
import { useStore } from "../lib/external-store";
import { initials } from "../lib/text";
import { badgeStyle } from "../ui/color";
import { Icon } from "../ui/icon";
import { isMine, useLock } from "./locks";

/** The sign that a node is locked, with the face of who holds it. */
export function LockBadge({ nodeId, className = "" }: { nodeId: string; className?: string }) {
  const lock = useLock(nodeId);
  return lock ? <Badge lock={lock} className={className} /> : null;
}

function Badge({ lock, className }: { lock: Lock; className: string }) {
  const { userId } = useCanvasScope();
  const style = useHolderStyle(lock);
  const words = isMine(lock, userId) ? "Locked by you" : `Locked by ${lock.holder.name}`;
  return (
    <span
      role="img"
      aria-label={words}
      title={words}
      className={`flex items-center gap-1 rounded-full border border-line bg-raised py-0.5 pr-0.5 pl-1.5 text-muted shadow-card ${className}`}
    >
      <Icon name="lock" size={12} />
      <span
        className={`grid size-4 place-items-center text-[8px] font-semibold ${lock.holder.kind === "user" ? "rounded-full" : "rounded"}`}
        style={style}
      >
        {initials(lock.holder.name)}
      </span>
    </span>
  );
}

/** The colour of who holds a lock, if they are here. */
function useHolderStyle(lock: Lock) {
  const { presence } = useCanvasScope();
  const people = useStore(presence.people);
  return useMemo(() => {
    const here = people.find(({ id }) => id === lock.lockedBy);
    return here ? badgeStyle(here) : { background: "var(--color-sunken)", color: "var(--color-ink)" };
  }, [people, lock]);
}
