import { messageOf } from "../api/http";
import { useLockChanges } from "../api/locks";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { useSay } from "../ui/toast";
import { isMine } from "./locks";

/** Takes the lock of a node, or gives it back if it is mine. */
export function useToggleLock(): (nodeId: string) => void {
  const { locks, projectId, userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const { take, release } = useLockChanges(projectId);
  const say = useSay();
  return (nodeId) => {
    if (!canEdit) return;
    const lock = locks.get().get(nodeId) ?? null;
    const onError = (error: unknown) => say(messageOf(error));
    if (isMine(lock, userId)) release.mutate({ nodeId }, { onError });
    else take.mutate(nodeId, { onError });
  };
}
