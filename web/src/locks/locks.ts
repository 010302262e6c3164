import { useEffect, useMemo } from "react";
import { type Lock, useLocks, useRefreshLocks } from "../api/locks";
import { useCanvasScope } from "../canvas/canvas-context";
import { useProjectEvents } from "../events/project-feed";
import { sameData, useStore } from "../lib/external-store";

/** Locks by the nodes that they are of. */
export type Locks = ReadonlyMap<string, Lock>;

/** The locks as they are now. A lock that did not change keeps its identity, so that only cards render that did. */
export function mergeLocks(before: Locks, now: readonly Lock[]): Locks {
  return new Map(
    now.map((lock) => {
      const known = before.get(lock.nodeId);
      return [lock.nodeId, known && sameData(known, lock) ? known : lock];
    }),
  );
}

const LOCK_EVENTS = ["lock_acquired", "lock_released"] as const;

/** Keeps the scope's locks up to date, for as long as the component is mounted. */
export function useFollowedLocks(projectId: string): void {
  const { locks } = useCanvasScope();
  const held = useLocks(projectId).data?.items;
  const refresh = useRefreshLocks(projectId);
  useEffect(() => {
    if (held) locks.set(mergeLocks(locks.get(), held));
  }, [locks, held]);
  useProjectEvents({ types: LOCK_EVENTS, onEvent: refresh, onGap: refresh });
}

/** The lock of a node, if somebody holds it. */
export function useLock(nodeId: string): Lock | null {
  const { locks } = useCanvasScope();
  const store = useMemo(
    () => ({ subscribe: locks.subscribe, get: () => locks.get().get(nodeId) ?? null }),
    [locks, nodeId],
  );
  return useStore(store);
}

/** Whether it is mine: I hold it myself, not an agent or a program for me. */
export function isMine(lock: Lock | null, userId: string): boolean {
  return lock?.holder.kind === "user" && lock.holder.id === userId;
}
