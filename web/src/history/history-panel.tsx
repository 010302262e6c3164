import "./history.css";
import { use, useEffect, useMemo, useState } from "react";
import type * as Y from "yjs";
import {
  type Authors,
  type HistorySummary,
  useHistory,
  useNamedVersions,
  useRefreshHistory,
  useWorkSessions,
  type WorkSession,
} from "../api/history";
import { CanManageContext, useCanEdit } from "../canvas/canvas-context";
import { Loaded } from "../ui/loaded";
import { Notice } from "../ui/notice";
import { looksOf } from "./authors";
import { ForgetMenu } from "./forget-menu";
import { NodeVersions } from "./node-versions";
import { type HistoryKind, type Mode, PastView } from "./past-view";
import { type Against, comparedWith, knownPlace, spanBetween, timeAt } from "./places";
import { RestoreButton } from "./restore-button";
import { Sessions } from "./sessions";
import { Timeline } from "./timeline";
import { NameVersionButton } from "./versions";

interface HistoryPanelProps {
  /** The document, such as `node:<id>`. */
  document: string;
  kind: HistoryKind;
  /** Its living replica. */
  doc: Y.Doc;
}

/** How long the document rests before its history is asked for anew. */
const REST_MS = 1_500;

/** What a document was, who made it so, and the way back. */
export default function HistoryPanel({ document, kind, doc }: HistoryPanelProps) {
  const summary = useHistory(document);
  useFollowing(document, doc);
  return (
    <Loaded what="The history" query={summary} lines={6}>
      {(known) =>
        known.headSeq === 0 ? (
          <div className="grid gap-5">
            <Notice icon="clock" title="Nothing has happened here yet">
              As soon as somebody writes, every state of the {kind} can be seen and brought back.
            </Notice>
            <Versions document={document} kind={kind} onChoose={null} />
          </div>
        ) : (
          <History document={document} kind={kind} summary={known} />
        )
      }
    </Loaded>
  );
}

interface VersionsProps {
  document: string;
  kind: HistoryKind;
  onChoose: ((seq: number) => void) | null;
}

/** The versions of a node; of a canvas there are none. */
function Versions({ document, kind, onChoose }: VersionsProps) {
  return kind === "node" && <NodeVersions nodeId={document.slice("node:".length)} onChoose={onChoose} />;
}

function useFollowing(document: string, doc: Y.Doc): void {
  const refresh = useRefreshHistory(document);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what refreshes is the same for a document
  useEffect(() => {
    let timer: number | null = null;
    const onUpdate = () => {
      if (timer !== null) window.clearTimeout(timer);
      timer = window.setTimeout(refresh, REST_MS);
    };
    doc.on("update", onUpdate);
    return () => {
      doc.off("update", onUpdate);
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [document, doc]);
}

const NO_SESSIONS: readonly WorkSession[] = [];

interface HistoryProps {
  document: string;
  kind: HistoryKind;
  summary: HistorySummary;
}

function History({ document, kind, summary }: HistoryProps) {
  const work = useWorkSessions(document);
  const named = useNamedVersions(document);
  const [mode, setMode] = useState<Mode>("changes");
  const [against, setAgainst] = useState<Against>("session");
  // Null: the end, wherever that is by then.
  const [chosen, setChosen] = useState<number | null>(null);
  const sessions = work.sessions ?? NO_SESSIONS;
  const versions = useMemo(() => named.data?.versions ?? [], [named.data]);
  const place = chosen === null ? summary.headSeq : knownPlace(summary, chosen);
  const from = knownPlace(summary, comparedWith(against, place, { sessions, versions }));
  const time = timeAt(sessions, place);
  const authors: Authors = { ...work.authors, ...named.data?.authors };
  const lookOf = looksOf(authors);
  // At the end of the slider one follows what happens.
  const choose = (seq: number) => setChosen(seq >= summary.headSeq ? null : seq);
  const chooseListed = (seq: number) => {
    setChosen(seq);
    setMode("changes");
    setAgainst("session");
  };

  return (
    <div className="grid gap-5">
      <Timeline
        summary={summary}
        sessions={sessions}
        versions={versions}
        place={place}
        time={time}
        lookOf={lookOf}
        onChoose={choose}
      />
      <PastView
        document={document}
        kind={kind}
        mode={mode}
        onMode={setMode}
        against={against}
        onAgainst={setAgainst}
        known={authors}
        hasVersions={versions.some(({ seq }) => seq < place)}
        from={Math.min(from, place)}
        place={place}
        actions={
          <PlaceActions
            document={document}
            kind={kind}
            summary={summary}
            sessions={sessions}
            from={from}
            place={place}
            onRestored={() => setChosen(null)}
          />
        }
      />
      <Versions document={document} kind={kind} onChoose={chooseListed} />
      <Sessions
        document={document}
        work={work}
        versions={versions}
        place={place}
        lookOf={lookOf}
        onChoose={chooseListed}
      />
    </div>
  );
}

interface PlaceActionsProps extends HistoryProps {
  sessions: readonly WorkSession[];
  /** The places that are compared. */
  from: number;
  place: number;
  onRestored: () => void;
}

/** What can be done about the place that is shown, and about what came to be since the one that it is compared with. */
function PlaceActions({ document, kind, summary, sessions, from, place, onRestored }: PlaceActionsProps) {
  const canEdit = useCanEdit();
  const canForget = use(CanManageContext);
  const timeOf = (seq: number) => timeAt(sessions, seq);
  return (
    <>
      {canEdit && (
        <>
          <NameVersionButton document={document} seq={place} />
          <RestoreButton
            document={document}
            kind={kind}
            seq={place}
            time={timeOf(place)}
            isNow={place === summary.headSeq}
            onRestored={onRestored}
          />
        </>
      )}
      {canForget && (
        <ForgetMenu
          document={document}
          kind={kind}
          span={spanBetween(summary, from, place)}
          timeOf={timeOf}
        />
      )}
    </>
  );
}
