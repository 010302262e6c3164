import { createContext, type ReactNode, use, useEffect, useRef, useState } from "react";
import { followEvents, type ServerEvent } from "./event-feed";

/** What the studio wants to hear of a project that is no edit of a document. */
const TYPES = [
  "lock_acquired",
  "lock_released",
  "execution_update",
  "trace",
  "node_created",
  "node_updated",
  "node_restored",
  "version_created",
  "file_uploaded",
  "file_processed",
  "file_deleted",
  "project_updated",
  "project_member_updated",
  "project_member_removed",
] as const;
type EventType = (typeof TYPES)[number];

interface Listener {
  types: readonly EventType[];
  onEvent: (event: ServerEvent) => void;
  onGap: () => void;
}

const Context = createContext<Set<Listener> | null>(null);

/** Listens to what happens in a project, once for all who want to hear of it. */
export function ProjectFeedProvider({ projectId, children }: { projectId: string; children: ReactNode }) {
  const [listeners] = useState(() => new Set<Listener>());
  useEffect(
    () =>
      followEvents(`/projects/${projectId}/events`, TYPES, {
        onEvent(event) {
          for (const { types, onEvent } of listeners) {
            if ((types as readonly string[]).includes(event.type)) onEvent(event);
          }
        },
        onGap() {
          for (const { onGap } of listeners) onGap();
        },
      }),
    [projectId, listeners],
  );
  return <Context value={listeners}>{children}</Context>;
}

/** Calls back when something happens in the project; `onGap`: when something may have been missed. */
export function useProjectEvents(listener: Listener): void {
  const listeners = use(Context);
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    if (!listeners) return;
    const entry: Listener = {
      get types() {
        return latest.current.types;
      },
      onEvent: (event) => latest.current.onEvent(event),
      onGap: () => latest.current.onGap(),
    };
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }, [listeners]);
}
