import { useState } from "react";
import { useHistoryChanges } from "../api/history";
import { IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Menu } from "../ui/menu";
import type { HistoryKind } from "./past-view";
import type { Span } from "./places";

interface ForgetMenuProps {
  document: string;
  kind: HistoryKind;
  /** What was edited between the two places that are compared; null: nothing, or it is not kept anyway. */
  span: Span | null;
  /** When a place was reached, in ms; null: that is not known. */
  timeOf: (seq: number) => number | null;
}

/** Lets admins have forgotten for good what was written and deleted again in a span of the history. */
export function ForgetMenu({ document, kind, span, timeOf }: ForgetMenuProps) {
  const { forget } = useHistoryChanges(document);
  // The span that was asked about: the history may grow meanwhile.
  const [asked, setAsked] = useState<{ span: Span; words: string } | null>(null);
  const close = () => {
    forget.reset();
    setAsked(null);
  };
  return (
    <>
      <Menu
        trigger={<IconButton icon="more" label="More of this time" />}
        items={[
          {
            label: "Forget what was deleted…",
            icon: "trash",
            danger: true,
            disabled: span === null,
            onSelect: () => span && setAsked({ span, words: spanWords(span, timeOf) }),
          },
        ]}
      />
      <Confirm
        title="Forget what was deleted?"
        action="Forget it for good"
        danger
        open={asked !== null}
        isPending={forget.isPending}
        error={forget.error}
        onClose={close}
        onConfirm={() => asked && forget.mutate(asked.span, { onSuccess: close })}
      >
        <p>
          Whatever was both written and deleted again {asked?.words} is forgotten for everybody, whoever wrote
          it. Nobody can bring it back.
        </p>
        <p className="mt-2">
          What the {kind} is now stays, and so does what it was before and after, and who worked when. What it
          was in between cannot be seen any more: versions with names from then go, and versions of nodes lose
          their content.
        </p>
        <p className="mt-2">
          What was told of it goes, too: notifications from then lose their words, and so does all that agents
          said that were at work in the project then. Of their runs, those that failed cannot be tried again.
        </p>
      </Confirm>
    </>
  );
}

/** Which edits a span has, in words, and from when they are where that is known. */
function spanWords({ fromSeq, throughSeq }: Span, timeOf: ForgetMenuProps["timeOf"]): string {
  const edits = fromSeq === throughSeq ? `edit ${fromSeq}` : `edits ${fromSeq} to ${throughSeq}`;
  const [begin, end] = [timeOf(fromSeq), timeOf(throughSeq)];
  if (begin === null || end === null) return `in ${edits}`;
  return `between ${timeWords(begin)} and ${timeWords(end)} (${edits})`;
}

function timeWords(time: number): string {
  return new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}
