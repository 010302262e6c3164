import { useState } from "react";
import { useHistoryChanges } from "../api/history";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { useSay } from "../ui/toast";
import type { HistoryKind } from "./past-view";

interface RestoreButtonProps {
  document: string;
  kind: HistoryKind;
  seq: number;
  time: number | null;
  isNow: boolean;
  onRestored: () => void;
}

/** Makes the document what it was, once that was confirmed. */
export function RestoreButton({ document, kind, seq, time, isNow, onRestored }: RestoreButtonProps) {
  const { restore } = useHistoryChanges(document);
  const [isAsking, setIsAsking] = useState(false);
  const say = useSay();
  const close = () => {
    restore.reset();
    setIsAsking(false);
  };
  const when =
    time === null
      ? `edit ${seq}`
      : new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return (
    <>
      <Button look="primary" disabled={isNow} onClick={() => setIsAsking(true)}>
        <Icon name="undo" /> Restore
      </Button>
      <Confirm
        title="Bring this back?"
        action="Restore"
        open={isAsking}
        isPending={restore.isPending}
        error={restore.error}
        onClose={close}
        onConfirm={() =>
          restore.mutate(seq, {
            onSuccess: ({ changed }) => {
              close();
              onRestored();
              if (!changed) say("It was the same already: nothing had to be done.");
            },
          })
        }
      >
        The {kind} becomes what it was at {when}, for everybody, as a new edit. What came since stays in the
        history, so that this can be taken back.
        {kind === "canvas" && " What is written inside its nodes stays as it is."}
      </Confirm>
    </>
  );
}
