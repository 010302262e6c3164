import { useEffect, useMemo } from "react";
import { type Blame, type TextSpan, useBlameNow } from "../api/history";
import type { Place } from "../app/router";
import { useStore } from "../lib/external-store";
import type { EvidenceDesk, Mark, Pointed } from "./desk";
import { EvidencePopover } from "./evidence-popover";
import { isBy, type LocatedSpan, spanAt } from "./locate";
import { MarkedBar } from "./marked-bar";

interface EvidenceLayerProps {
  desk: EvidenceDesk;
  /** The document, such as `node:<id>`. */
  document: string;
  place: Place & { nodeId: string };
}

/** Answers who wrote what one points at, and marks what the run in the address wrote. */
export function EvidenceLayer({ desk, document, place }: EvidenceLayerProps) {
  const { runId, stepId } = place;
  const pointed = useStore(desk.pointed);
  const blame = useBlameNow(document, pointed !== null || runId !== null);
  useFreshBlame(pointed, blame);
  const found = useMemo(
    () => (pointed && blame.data ? locate(blame.data, pointed) : null),
    [pointed, blame.data],
  );
  useMarks(desk, blame.data, found?.span ?? null, runId, stepId);
  return (
    <>
      {runId && <MarkedBar place={{ ...place, runId }} blame={blame.data} />}
      {pointed && (
        <EvidencePopover
          place={place}
          pointed={pointed}
          by={found?.span.inserted ?? null}
          authors={blame.data?.authors ?? {}}
          isLooking={blame.isFetching && found === null}
          error={blame.error}
          onClose={() => desk.pointed.set(null)}
        />
      )}
    </>
  );
}

function locate(blame: Blame, { part, blocks, block, offset }: Pointed): LocatedSpan | null {
  const text = blame.texts.find((known) => known.part === part);
  return text ? spanAt(text, blocks, { block, offset }) : null;
}

/** Asks anew where what is known is of before the text that one points at. */
function useFreshBlame(pointed: Pointed | null, blame: ReturnType<typeof useBlameNow>): void {
  const { data, isStale, isFetching, refetch } = blame;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each place that one points at
  useEffect(() => {
    if (!pointed || !data || isFetching) return;
    if (isStale || locate(data, pointed) === null) void refetch();
  }, [pointed]);
}

function useMarks(
  desk: EvidenceDesk,
  blame: Blame | undefined,
  pointedSpan: TextSpan | null,
  runId: string | null,
  stepId: string | null,
): void {
  useEffect(() => {
    const marks = new Map<string, Mark[]>();
    for (const text of blame?.texts ?? []) {
      const ofText: Mark[] = [];
      if (runId) {
        ofText.push({
          text,
          isMarked: ({ inserted }) => isBy(inserted, runId, stepId),
          look: "shown",
          isSought: pointedSpan === null,
        });
      }
      if (pointedSpan) {
        ofText.push({ text, isMarked: (span) => span === pointedSpan, look: "pointed", isSought: false });
      }
      if (ofText.length > 0) marks.set(text.part, ofText);
    }
    desk.marks.set(marks);
  }, [desk, blame, pointedSpan, runId, stepId]);
  useEffect(() => () => desk.marks.set(new Map()), [desk]);
}
