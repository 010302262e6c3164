import { lazy, Suspense, useMemo } from "react";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { titleOf } from "../documents/canvas";
import {
  fileOf,
  type ItemKind,
  idOf,
  kindOf,
  type NodeDocument,
  type Side,
  sourceNodeOf,
} from "../documents/node";
import { sharedStore, useMapText, useMapValue } from "../documents/yjs";
import { FileById } from "../files/file-view";
import { useStore } from "../lib/external-store";
import { patient } from "../lib/patient";
import { IconButton } from "../ui/button";
import { Fetching } from "../ui/fetching";
import { Icon, type IconName } from "../ui/icon";
import { Menu } from "../ui/menu";
import { DataTable, tableOf } from "./data-table";
import { webAddress } from "./web-address";

const RichText = lazy(patient(() => import("../editor/rich-text")));

const ICONS: Record<ItemKind, IconName> = {
  text: "text",
  link: "link",
  node: "node",
  file: "file",
  data: "data",
  unknown: "more",
};
const KIND_NAMES: Record<ItemKind, string> = {
  text: "Text",
  link: "Link",
  node: "Node",
  file: "File",
  data: "Data",
  unknown: "Item",
};

interface ItemCardProps {
  item: Y.Map<unknown>;
  side: Side;
  content: NodeDocument;
  awareness: Awareness;
  isFirst: boolean;
  isLast: boolean;
  /** How it is called for those who cannot see it: "input 2". */
  name: string;
}

/** One input or output: its label, what it holds, and what can be done with it. */
export function ItemCard(props: ItemCardProps) {
  const { item, side, content, isFirst, isLast, name } = props;
  const canEdit = useCanEdit();
  const kind = kindOf(item);
  const label = useMapText(item, "label");
  return (
    <article aria-label={label || name} className="grid gap-2 rounded-xl border border-line px-3 py-2">
      <header className="flex items-center gap-2 text-muted">
        <Icon name={ICONS[kind]} />
        <input
          aria-label={`Label of ${name}`}
          key={label}
          defaultValue={label}
          placeholder={KIND_NAMES[kind]}
          readOnly={!canEdit}
          maxLength={255}
          onBlur={(event) => content.setLabel(item, event.currentTarget.value.trim())}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
          className="-ml-1 h-7 min-w-0 flex-1 rounded-md px-1 text-[13px] font-medium text-ink"
        />
        {canEdit && (
          <Menu
            trigger={<IconButton icon="more" label={`Actions for ${name}`} />}
            items={[
              {
                label: "Move up",
                icon: "up",
                disabled: isFirst,
                onSelect: () => content.moveItem(side, item, -1),
              },
              {
                label: "Move down",
                icon: "down",
                disabled: isLast,
                onSelect: () => content.moveItem(side, item, 1),
              },
              {
                label: "Delete",
                icon: "trash",
                danger: true,
                onSelect: () => content.removeItem(side, item),
              },
            ]}
          />
        )}
      </header>
      <ItemContent {...props} kind={kind} />
    </article>
  );
}

function ItemContent(props: ItemCardProps & { kind: ItemKind }) {
  switch (props.kind) {
    case "text":
      return <TextContent {...props} />;
    case "link":
      return <LinkContent item={props.item} content={props.content} name={props.name} />;
    case "node":
      return <NodeContent item={props.item} />;
    case "data":
      return <DataContent item={props.item} />;
    case "file":
      return <FileById id={fileOf(props.item)} />;
    case "unknown":
      return (
        <p className="text-[13px] text-muted">This version of the studio does not know this type of item.</p>
      );
  }
}

function TextContent({ item, side, content, awareness, name }: ItemCardProps) {
  const canEdit = useCanEdit();
  const id = idOf(item);
  const text = useMapValue(item, "text");
  if (text instanceof Y.XmlFragment) {
    return (
      <Suspense fallback={<Fetching what="editor" />}>
        <RichText
          fragment={text}
          awareness={awareness}
          label={`Text of ${name}`}
          placeholder={canEdit ? "Write…" : "Empty"}
          editable={canEdit}
          toolbar="focused"
          part={id ? `${side}/${id}/text` : null}
        />
      </Suspense>
    );
  }
  if (text instanceof Y.Text) return <PlainText text={text} content={content} label={`Text of ${name}`} />;
  return <p className="text-sm whitespace-pre-wrap">{typeof text === "string" ? text : ""}</p>;
}

function PlainText({ text, content, label }: { text: Y.Text; content: NodeDocument; label: string }) {
  const canEdit = useCanEdit();
  const { history } = useCanvasScope();
  const value = useStore(useMemo(() => sharedStore(text, (shared) => shared.toString()), [text]));
  return (
    <textarea
      aria-label={label}
      value={value}
      readOnly={!canEdit}
      rows={2}
      onChange={(event) => content.editText(text, event.target.value)}
      onBlur={() => content.pause()}
      onKeyDown={(event) => {
        if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== "z") return;
        event.preventDefault();
        if (event.shiftKey) history.redo();
        else history.undo();
      }}
      className="field-sizing-content w-full resize-none rounded-md px-1 text-[15px]"
    />
  );
}

function LinkContent({ item, content, name }: { item: Y.Map<unknown>; content: NodeDocument; name: string }) {
  const canEdit = useCanEdit();
  const url = useMapText(item, "url");
  const target = webAddress(url);
  return (
    <div className="flex items-center gap-2">
      {canEdit && (
        <input
          aria-label={`Address of ${name}`}
          key={url}
          defaultValue={url}
          onBlur={(event) => content.setUrl(item, event.currentTarget.value.trim())}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
          className="h-7 min-w-0 flex-1 rounded-md px-1 text-[13px] text-muted"
        />
      )}
      {target ? (
        <a
          href={target}
          target="_blank"
          rel="noreferrer noopener"
          className="min-w-0 truncate text-[13px] text-accent underline underline-offset-2"
        >
          {canEdit ? "Open" : url}
        </a>
      ) : (
        <span className="text-[13px] text-muted">Not a web address</span>
      )}
    </div>
  );
}

function NodeContent({ item }: { item: Y.Map<unknown> }) {
  const { canvas } = useCanvasScope();
  const actions = useCanvasActions();
  const nodeId = sourceNodeOf(item);
  const title = useStore(
    useMemo(
      () =>
        sharedStore(
          canvas.nodes,
          () => {
            const node = nodeId ? canvas.node(nodeId) : null;
            return node ? titleOf(node) : null;
          },
          { deep: true },
        ),
      [canvas, nodeId],
    ),
  );
  if (!nodeId || title === null)
    return <p className="text-[13px] text-muted">The node is not on the canvas.</p>;
  return (
    <button
      type="button"
      onClick={() => actions.openNode(nodeId)}
      className="flex items-center gap-2 rounded-md text-left text-[13px] text-accent hover:underline"
    >
      <Icon name="arrowOut" /> {title}
    </button>
  );
}

function DataContent({ item }: { item: Y.Map<unknown> }) {
  const data = useMapValue(item, "data");
  const shown: unknown = data instanceof Y.AbstractType ? data.toJSON() : data;
  const table = tableOf(shown);
  if (table) return <DataTable table={table} />;
  return (
    <pre className="max-h-80 overflow-auto rounded-lg bg-sunken p-3 font-mono text-xs">
      {JSON.stringify(shown, null, 2)}
    </pre>
  );
}
