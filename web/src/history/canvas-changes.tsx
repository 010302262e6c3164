import { use } from "react";
import type { FieldChange } from "../api/history";
import { useCanvasActions } from "../canvas/canvas-actions";
import { NamesContext, useCanvasScope } from "../canvas/canvas-context";
import { stringsOf, titleOf } from "../documents/canvas";
import { humanize, shortDate } from "../lib/text";
import { Pill, type StatusLook } from "../ui/status-pill";
import type { AuthorLook } from "./authors";
import { type CanvasDiff, canvasDiff, type EdgeChange, type Fate, type NodeChange } from "./canvas-diff";
import { Changer, FieldChanges, FieldRow, type FieldWords, pathWords, valueWords } from "./field-changes";
import { LongList } from "./long-list";

interface CanvasChangesProps {
  fields: readonly FieldChange[];
  lookOf: (principal: string) => AuthorLook;
}

/** Which nodes and edges came, went or changed, and by whom. */
export function CanvasChanges({ fields, lookOf }: CanvasChangesProps) {
  const diff = canvasDiff(fields);
  const words = useCanvasWords(diff);
  const { nodes, edges, project } = diff;
  if (nodes.length + edges.length + project.length === 0) {
    return (
      <p className="py-8 text-center text-sm text-muted">Nothing to be seen on the canvas is different.</p>
    );
  }
  return (
    <>
      <LongList heading="Nodes" items={nodes.toSorted(byFate)}>
        {(node) => <NodeRow key={node.id} node={node} words={words} lookOf={lookOf} />}
      </LongList>
      <LongList heading="Edges" items={edges.toSorted(byFate)}>
        {(edge) => <EdgeRow key={edge.id} edge={edge} words={words} lookOf={lookOf} />}
      </LongList>
      <FieldChanges heading="Project" fields={project} lookOf={lookOf} />
    </>
  );
}

const LOOKS: Record<Fate, StatusLook> = {
  added: "good",
  restored: "info",
  changed: "quiet",
  deleted: "danger",
};
const FATES = Object.keys(LOOKS);

function byFate(a: { fate: Fate }, b: { fate: Fate }): number {
  return FATES.indexOf(a.fate) - FATES.indexOf(b.fate);
}

interface CanvasWords extends FieldWords {
  title(nodeId: string | null): string;
}

interface RowProps {
  words: CanvasWords;
  lookOf: (principal: string) => AuthorLook;
}

const ROW = "flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-[13px]";

function NodeRow({ node, words, lookOf }: RowProps & { node: NodeChange }) {
  const { id, fate, by, place, fields } = node;
  return (
    <li className="grid gap-1">
      <div className={ROW}>
        <Pill look={LOOKS[fate]}>{humanize(fate)}</Pill>
        <NodeTitle id={id} title={words.title(id)} />
        <Changer by={by} lookOf={lookOf} />
      </div>
      {(place !== null || fields.length > 0) && (
        <ul className="ml-3 grid gap-1 border-l border-line pl-3 text-[13px]">
          {fields.map((field) => (
            <FieldRow key={field.path.join("/")} field={field} words={words} lookOf={lookOf} />
          ))}
          {place && (
            <li className="flex flex-wrap gap-x-2">
              <span className="text-muted">Moved</span> <Changer by={place.by} lookOf={lookOf} />
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

/** Leads to what was written in the node, as long as it is on the canvas. */
function NodeTitle({ id, title }: { id: string; title: string }) {
  const { canvas } = useCanvasScope();
  const actions = useCanvasActions();
  const look = "min-w-0 break-words text-left font-medium";
  if (!canvas.node(id)) return <span className={look}>{title}</span>;
  return (
    <button
      type="button"
      title={`The history of ${title}`}
      onClick={() => actions.openNode(id, { part: "history" })}
      className={`${look} hover:underline`}
    >
      {title}
    </button>
  );
}

function EdgeRow({ edge, words, lookOf }: RowProps & { edge: EdgeChange }) {
  const { canvas } = useCanvasScope();
  const { id, fate, by } = edge;
  const end = (told: string | null, key: string) =>
    words.title(told ?? stringOf(canvas.edges.get(id)?.get(key)));
  return (
    <li className={ROW}>
      <Pill look={LOOKS[fate]}>{humanize(fate)}</Pill>
      <span className="min-w-0 break-words">
        {end(edge.source, "sourceNodeId")} → {end(edge.target, "targetNodeId")}
      </span>
      <Changer by={by} lookOf={lookOf} />
    </li>
  );
}

function stringOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

const LABELS: Record<string, string> = {
  parentId: "Inside",
  authorType: "Made by",
  authorUserId: "Author",
  supervisorUserId: "Supervisor",
};

/** Tells ids as what they are of: by the titles of nodes as they are, or were, and the names of people. */
function useCanvasWords({ nodes }: CanvasDiff): CanvasWords {
  const { canvas } = useCanvasScope();
  const names = use(NamesContext);
  const told = new Map(nodes.map(({ id, title }) => [id, title]));
  const title = (id: string | null) => {
    const living = id === null ? undefined : canvas.nodes.get(id);
    return told.get(id ?? "") ?? (living ? titleOf(living) : "A node that is gone");
  };
  const name = (id: unknown) => names.get(String(id)) ?? "Somebody";
  return {
    title,
    label: ([key = "", ...rest]) => LABELS[key] ?? pathWords(key === "metadata" ? rest : [key, ...rest]),
    value(path, value) {
      const key = path.at(-1);
      if (key === "parentId") return title(stringOf(value));
      if (key === "authorUserId" || key === "supervisorUserId") return name(value);
      if (key === "assignees") return stringsOf(value).map(name).join(", ") || "nobody";
      if (key === "tags") return stringsOf(value).join(", ") || "none";
      if (key === "dueDate" && typeof value === "string") return shortDate(value);
      if (key === "status" && typeof value === "string") return humanize(value);
      return valueWords(value);
    },
  };
}
