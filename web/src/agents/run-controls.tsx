import { useState } from "react";
import { type Execution, isOpen, useExecutionChanges } from "../api/executions";
import { messageOf } from "../api/http";
import { useCanEdit } from "../canvas/canvas-context";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { useSay } from "../ui/toast";
import { failureWords } from "./failures";

/** What can be done with a run now: hold it, let it go on, end it, try again. */
export function RunControls({ run }: { run: Execution }) {
  const { pause, resume, cancel, retry } = useExecutionChanges();
  const canEdit = useCanEdit();
  const say = useSay();
  const onError = (error: unknown) => say(messageOf(error));
  if (!canEdit) return null;
  return (
    <span className="flex shrink-0 gap-2">
      {(run.status === "running" || run.status === "awaiting_input") && run.control === null && (
        <Button disabled={pause.isPending} onClick={() => pause.mutate(run.id, { onError })}>
          <Icon name="pause" size={14} /> Pause
        </Button>
      )}
      {(run.control === "pause" || (run.status === "paused" && run.control === null)) && (
        <Button look="primary" disabled={resume.isPending} onClick={() => resume.mutate(run.id, { onError })}>
          <Icon name="play" size={14} /> Resume
        </Button>
      )}
      {isOpen(run) && (
        <Button
          look="danger"
          disabled={cancel.isPending || run.control === "cancel"}
          onClick={() => cancel.mutate(run.id, { onError })}
        >
          <Icon name="stop" size={14} /> Cancel
        </Button>
      )}
      {run.status === "failed" && (!run.error || failureWords(run.error).mayRetry) && (
        <Button look="primary" disabled={retry.isPending} onClick={() => retry.mutate(run.id, { onError })}>
          <Icon name="retry" size={14} /> Try again
        </Button>
      )}
    </span>
  );
}

/** Takes back what a run that has ended wrote, after asking. */
export function UndoRun({ run }: { run: Execution }) {
  const { undo } = useExecutionChanges();
  const canEdit = useCanEdit();
  const say = useSay();
  const [isAsking, setIsAsking] = useState(false);
  if (!canEdit || isOpen(run) || run.startedAt === null) return null;
  const close = () => {
    undo.reset();
    setIsAsking(false);
  };
  return (
    <>
      <Button onClick={() => setIsAsking(true)}>
        <Icon name="undo" size={14} /> Undo this run
      </Button>
      <Confirm
        title={`Take back what ${run.agentName} wrote?`}
        action="Take it back"
        open={isAsking}
        isPending={undo.isPending}
        error={undo.error}
        onClose={close}
        onConfirm={() =>
          undo.mutate(run.id, {
            onSuccess: ({ documents }) => {
              close();
              say(
                documents.length === 0
                  ? "Nothing of it was left to take back."
                  : `What the run wrote was taken back in ${plural(documents.length, "document")}.`,
              );
            },
          })
        }
      >
        All that this run wrote goes, here and on the canvas, and what it deleted comes back. What people
        wrote stays, also in the middle of it. It is an edit of yours, which can be taken back too.
      </Confirm>
    </>
  );
}
