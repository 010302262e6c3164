import { type RefObject, useRef, useState } from "react";
import { useProjects } from "../api/queries";
import type { Found, FoundByMeaning } from "../api/search";
import { titleOf } from "../documents/canvas";
import { fileIcon, kindWords } from "../files/words";
import { rank } from "../lib/rank";
import { humanize } from "../lib/text";
import { Marked } from "../search/marked";
import { SearchNotice } from "../search/notice";
import { useFound } from "../search/use-found";
import { foundWords, nearestWords } from "../search/words";
import type { IconName } from "../ui/icon";
import { PickerBody, type PickerEntry, PickerFrame } from "../ui/picker";
import { useCanvasScope } from "./canvas-context";

export interface PaletteAction {
  label: string;
  icon: IconName;
  shortcut?: string;
  run: () => void;
}

interface PaletteProps {
  /** Where texts and files are searched; undefined: not known yet. */
  orgId: string | undefined;
  open: boolean;
  onClose: () => void;
  actions: PaletteAction[];
  /** Opens a node of this project, or of another one. */
  onNode: (id: string, projectId: string) => void;
  onFile: (file: { id: string; title: string }) => void;
}

const LABEL = "Find a node, a file or an action";
/** How many actions and titles are shown; of those that match, fewer, so that what the server found is in sight. */
const SHOWN = { ofAll: 50, ofMatching: 12 } as const;

/** Finds any node, file or action by typing. Actions and titles are found here, texts and files by the server. */
export function Palette(props: PaletteProps) {
  return (
    <PickerFrame label={LABEL} open={props.open} onClose={props.onClose}>
      <PaletteBody {...props} />
    </PickerFrame>
  );
}

function PaletteBody(props: PaletteProps) {
  const { orgId, onClose } = props;
  const [typed, setTyped] = useState("");
  const here = useHere(props, typed);
  const found = useFound(orgId, typed);
  const entryOf = useEntryOf(props, found.query);
  const field = useRef<HTMLInputElement>(null);
  const known = new Set(here.map(({ key }) => key));
  const byWords = found.words?.data?.items.filter(({ id }) => !known.has(id)) ?? [];
  const nearest = found.meaning?.data?.items.map((item) => entryOf(item, item.passage));
  const groups = [
    { label: "Actions and titles", entries: here },
    { label: "In texts and files", entries: byWords.map((item) => entryOf(item, item.excerpt)) },
    { label: "Nearest", entries: nearest ?? nearestEntries(found) },
  ];
  return (
    <PickerBody
      ref={field}
      label={LABEL}
      query={typed}
      onQuery={setTyped}
      groups={groups}
      notice={
        found.isWanted ? (
          <Notices found={found} listed={byWords.length} field={field} />
        ) : (
          here.length === 0 && "Nothing matches."
        )
      }
      onClose={onClose}
    />
  );
}

/** The actions, and the nodes of this canvas by their titles. */
function useHere({ actions, onNode }: PaletteProps, typed: string): PickerEntry[] {
  const { canvas, flow, projectId } = useCanvasScope();
  const entries = [
    ...actions.map(
      ({ label, icon, shortcut, run }): PickerEntry => ({
        key: label,
        label,
        icon,
        hint: shortcut ?? "Action",
        run,
      }),
    ),
    ...flow.nodes.get().map(({ id }): PickerEntry => {
      const label = titleOf(canvas.node(id));
      return { key: id, label, icon: "node", hint: "Node", run: () => onNode(id, projectId) };
    }),
  ];
  return rank(typed, entries).slice(0, typed.trim() ? SHOWN.ofMatching : SHOWN.ofAll);
}

/** Makes entries of what the server found. */
function useEntryOf({ orgId, onNode, onFile }: PaletteProps, query: string) {
  const { projectId: here } = useCanvasScope();
  const projects = useProjects(orgId).data;
  const elsewhere = (projectId: string | null) =>
    projectId === here ? null : (projects?.find(({ id }) => id === projectId)?.name ?? null);
  return (item: Found | FoundByMeaning, text: string): PickerEntry => {
    const { type, id, projectId, title, contentType, status } = item;
    const isFile = type === "file";
    const sort = isFile
      ? kindWords({ contentType: contentType ?? "", filename: title })
      : humanize(status ?? "");
    return {
      key: id,
      label: title || "Untitled",
      icon: isFile ? fileIcon(contentType ?? "") : "node",
      hint: [elsewhere(projectId), sort || "Node"].filter(Boolean).join(" · "),
      detail: text ? <Marked text={text} query={query} /> : undefined,
      run: () => (isFile || !projectId ? onFile({ id, title }) : onNode(id, projectId)),
    };
  };
}

type FoundSoFar = ReturnType<typeof useFound>;

/** What asks for the nearest. It keeps its place until there is an answer, and asks once. */
function nearestEntries({ query, isWanted, isSearching, meaning, askByMeaning }: FoundSoFar): PickerEntry[] {
  if (!meaning && (!isWanted || isSearching)) return [];
  const ask = meaning ? () => void meaning.refetch() : askByMeaning;
  return [
    {
      key: "nearest",
      label: `Search for what is nearest to “${query}”`,
      icon: "spark",
      hint: "Not word for word",
      staysOpen: true,
      run: meaning?.isFetching ? () => {} : ask,
    },
  ];
}

interface NoticesProps {
  found: FoundSoFar;
  /** How many are listed as found by their words. */
  listed: number;
  field: RefObject<HTMLInputElement | null>;
}

function Notices({ found: { words, meaning, isSearching }, listed, field }: NoticesProps) {
  const retry = (search: { refetch: () => unknown } | null) => () => {
    // The button goes; one may type on.
    field.current?.focus();
    void search?.refetch();
  };
  const byWords = words?.data;
  return (
    <>
      <SearchNotice
        task="Searching in texts and files"
        isSearching={isSearching}
        error={words?.error}
        found={
          byWords &&
          foundWords({
            listed,
            titled: byWords.items.length - listed,
            hasMore: Boolean(byWords.nextCursor),
          })
        }
        retry={retry(words)}
      />
      {meaning && (
        <SearchNotice
          task="Searching for the nearest"
          isSearching={meaning.isFetching}
          error={meaning.error}
          found={meaning.data && nearestWords(meaning.data.items.length)}
          retry={retry(meaning)}
        />
      )}
    </>
  );
}
