import { useState } from "react";
import { type NamedVersion, useHistoryChanges, type useWorkSessions, type WorkSession } from "../api/history";
import { messageOf } from "../api/http";
import { useCanEdit } from "../canvas/canvas-context";
import { duration, initials, plural, timeAgo } from "../lib/text";
import { IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Loaded } from "../ui/loaded";
import { Menu } from "../ui/menu";
import { MorePages } from "../ui/more-pages";
import { useSay } from "../ui/toast";
import type { AuthorLook } from "./authors";
import { sessionAt } from "./places";

interface SessionsProps {
  document: string;
  work: ReturnType<typeof useWorkSessions>;
  versions: readonly NamedVersion[];
  place: number;
  lookOf: (principal: string) => AuthorLook;
  onChoose: (seq: number) => void;
}

/** Who worked when and how much, the last first, with the versions that have names between. */
export function Sessions({ document, work, versions, place, lookOf, onChoose }: SessionsProps) {
  const canEdit = useCanEdit();
  const { undo } = useHistoryChanges(document);
  const [undoing, setUndoing] = useState<WorkSession | null>(null);
  const say = useSay();
  const close = () => {
    undo.reset();
    setUndoing(null);
  };
  return (
    <section aria-label="Sessions" className="grid gap-2">
      <h2 className="text-[13px] font-semibold text-muted">Who worked on it</h2>
      <Loaded what="The sessions" query={{ ...work, data: work.sessions }}>
        {(sessions) => {
          const current = sessionAt(sessions, place);
          return (
            <>
              <ol aria-label="Work" className="grid">
                {entriesOf(sessions, versions).map((entry) =>
                  "name" in entry ? (
                    <Version
                      key={entry.id}
                      document={document}
                      version={entry}
                      isShown={entry.seq === place}
                      canEdit={canEdit}
                      onChoose={() => onChoose(entry.seq)}
                    />
                  ) : (
                    <Session
                      key={`${entry.principal} ${entry.firstSeq}`}
                      session={entry}
                      look={lookOf(entry.principal)}
                      isShown={entry === current}
                      onChoose={() => onChoose(entry.lastSeq)}
                      onUndo={canEdit ? () => setUndoing(entry) : null}
                    />
                  ),
                )}
              </ol>
              <MorePages pages={work} />
            </>
          );
        }}
      </Loaded>
      <Confirm
        title={`Take back what ${undoing ? lookOf(undoing.principal).name : ""} did?`}
        action="Take it back"
        open={undoing !== null}
        isPending={undo.isPending}
        error={undo.error}
        onClose={close}
        onConfirm={() => {
          if (!undoing) return;
          undo.mutate(undoing, {
            onSuccess: ({ changed }) => {
              close();
              if (!changed) say("Nothing of it was left to take back.");
            },
          });
        }}
      >
        What was written in this session goes, and what was deleted in it comes back. What others wrote stays.
        It is a new edit, which can be taken back too.
      </Confirm>
    </section>
  );
}

/** Sessions and named versions together, the last first. */
function entriesOf(sessions: readonly WorkSession[], versions: readonly NamedVersion[]) {
  const oldest = sessions.at(-1)?.firstSeq ?? 0;
  const shown = versions.filter(({ seq }) => seq >= oldest);
  return [...sessions, ...shown].sort((a, b) => placeOf(b) - placeOf(a) || ("name" in a ? -1 : 1));
}

function placeOf(entry: WorkSession | NamedVersion): number {
  return "name" in entry ? entry.seq : entry.lastSeq;
}

const ROW = "group flex min-h-11 items-center gap-1 rounded-lg";

interface SessionProps {
  session: WorkSession;
  look: AuthorLook;
  isShown: boolean;
  onChoose: () => void;
  onUndo: (() => void) | null;
}

function Session({ session, look, isShown, onChoose, onUndo }: SessionProps) {
  const isProgram = !session.principal.startsWith("user:");
  const length = Date.parse(session.endedAt) - Date.parse(session.startedAt);
  return (
    <li className={`${ROW} ${isShown ? "bg-accent-soft" : "hover:bg-hover"}`}>
      <button
        type="button"
        aria-current={isShown || undefined}
        onClick={onChoose}
        className="flex min-w-0 flex-1 items-center gap-3 rounded-lg px-2 py-1.5 text-left"
      >
        <span
          aria-hidden
          className={`grid size-7 shrink-0 place-items-center text-[10px] font-semibold ${isProgram ? "rounded-md" : "rounded-full"}`}
          style={{ background: look.soft, boxShadow: `inset 0 0 0 2px ${look.solid}` }}
        >
          {initials(look.name)}
        </span>
        <span className="min-w-0 flex-1">
          <span className="block truncate text-[13px] font-medium">{look.name}</span>
          <span className="block truncate text-xs text-muted">
            <time dateTime={session.endedAt} title={new Date(session.endedAt).toLocaleString("en")}>
              {timeAgo(session.endedAt, Date.now())}
            </time>
            {" · "}
            {length >= 60_000 ? `${duration(length)}, ` : ""}
            {plural(session.updates, "edit")}
          </span>
        </span>
        <span className="shrink-0 text-xs tabular-nums">
          <span className="text-good">+{session.inserted}</span>{" "}
          <span className="text-danger">−{session.deleted}</span>
        </span>
      </button>
      {onUndo && (
        <Menu
          trigger={
            <IconButton icon="more" label={`Actions for the session of ${look.name}`} className="size-7" />
          }
          items={[{ label: "Take this session back…", icon: "undo", onSelect: onUndo }]}
        />
      )}
    </li>
  );
}

interface VersionProps {
  document: string;
  version: NamedVersion;
  isShown: boolean;
  canEdit: boolean;
  onChoose: () => void;
}

function Version({ document, version, isShown, canEdit, onChoose }: VersionProps) {
  const { unname } = useHistoryChanges(document);
  const say = useSay();
  return (
    <li className={`${ROW} ${isShown ? "bg-accent-soft" : "hover:bg-hover"}`}>
      <button
        type="button"
        aria-current={isShown || undefined}
        onClick={onChoose}
        className="flex min-w-0 flex-1 items-center gap-3 rounded-lg px-2 py-1.5 text-left"
      >
        <span aria-hidden className="grid size-7 shrink-0 place-items-center">
          <span className="size-2.5 rotate-45 bg-ink" />
        </span>
        <span className="min-w-0 flex-1 truncate text-[13px] font-semibold">{version.name}</span>
        <span className="text-xs text-muted">Version</span>
      </button>
      {canEdit && (
        <Menu
          trigger={<IconButton icon="more" label={`Actions for ${version.name}`} className="size-7" />}
          items={[
            {
              label: "Take the name away",
              icon: "close",
              onSelect: () => unname.mutate(version.id, { onError: (error) => say(messageOf(error)) }),
            },
          ]}
        />
      )}
    </li>
  );
}
