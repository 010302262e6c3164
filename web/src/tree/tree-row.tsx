import { type DragEvent, type KeyboardEvent, type MouseEvent, memo, useMemo } from "react";
import { AuthorMark } from "../canvas/author-mark";
import { useCanvasScope, useName, useStates } from "../canvas/canvas-context";
import { TitleInput, useIsRenaming } from "../canvas/title-input";
import { useStore } from "../lib/external-store";
import { shortDate, timeAgo } from "../lib/text";
import { LockBadge } from "../locks/lock-badge";
import { AvatarRow } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { StatusPill } from "../ui/status-pill";
import type { TreeRow } from "./arrange";
import { Cell } from "./cell";
import { ROW_GRID, ROW_HEIGHT, shownFrom } from "./columns";
import type { NodeFacts } from "./node-table";
import { RowMenu, type RowMenuProps } from "./row-menu";

/** How far what is inside a node is indented, and from which level on no further. */
const INDENT_PX = 20;
const DEEPEST_INDENT = 12;

export interface RowHandlers extends Pick<RowMenuProps, "onMove" | "onAddInside"> {
  onPress: (id: string, event: MouseEvent) => void;
  onOpen: (id: string) => void;
  onFold: (id: string) => void;
  onKey: (event: KeyboardEvent<HTMLElement>, id: string) => void;
  onFocus: (id: string) => void;
  onDragStart: (event: DragEvent, id: string) => void;
  onDragOver: (event: DragEvent, id: string) => void;
  onDrop: (event: DragEvent, id: string) => void;
}

interface RowProps {
  row: TreeRow;
  /** Its place in the list, from 0. */
  index: number;
  isSelected: boolean;
  /** The one row in the tab order. */
  isTabStop: boolean;
  isDropTarget: boolean;
  isOverdue: boolean;
  updatedAt: string;
  canEdit: boolean;
  handlers: RowHandlers;
}

/** A node in the tree. */
export const Row = memo(function Row(props: RowProps) {
  const { row, index, isSelected, isTabStop, canEdit, handlers } = props;
  const { node } = row;
  const state = isSelected
    ? "bg-accent-soft"
    : props.isDropTarget
      ? "bg-hover outline-2 -outline-offset-2 outline-accent"
      : "hover:bg-hover";
  return (
    <div
      role="row"
      data-row={node.id}
      aria-level={row.level}
      aria-expanded={row.hasChildren ? row.isExpanded : undefined}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      // The first row is the header.
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      tabIndex={isTabStop ? 0 : -1}
      draggable={canEdit}
      onClick={(event) => handlers.onPress(node.id, event)}
      onDoubleClick={() => handlers.onOpen(node.id)}
      onKeyDown={(event) => handlers.onKey(event, node.id)}
      onFocus={(event) => event.target === event.currentTarget && handlers.onFocus(node.id)}
      onDragStart={(event) => handlers.onDragStart(event, node.id)}
      onDragOver={(event) => handlers.onDragOver(event, node.id)}
      onDrop={(event) => handlers.onDrop(event, node.id)}
      style={{ top: index * ROW_HEIGHT, height: ROW_HEIGHT }}
      className={`absolute inset-x-0 items-center border-b border-line px-2 text-[13px] focus-visible:-outline-offset-2 ${ROW_GRID} ${state} ${row.isMatch ? "" : "text-muted"}`}
    >
      <TitleCell row={row} onFold={handlers.onFold} />
      <StatusCell status={node.status} />
      <AuthorCell node={node} />
      <Cell
        className={`${shownFrom("due")} pr-2 whitespace-nowrap ${props.isOverdue ? "text-danger" : ""}`}
        title={node.dueDate ? `Due ${node.dueDate}${props.isOverdue ? ", overdue" : ""}` : undefined}
      >
        {node.dueDate && shortDate(node.dueDate)}
        {props.isOverdue && <span className="sr-only">, overdue</span>}
      </Cell>
      <Cell className={`${shownFrom("tags")} min-w-0 gap-1 overflow-hidden pr-2`}>
        {node.tags.map((tag) => (
          <span key={tag} className="truncate rounded-md bg-sunken px-1.5 text-xs leading-5">
            {tag}
          </span>
        ))}
      </Cell>
      <Cell className={`${shownFrom("updated")} truncate text-muted`}>
        {props.updatedAt && (
          <time dateTime={props.updatedAt} title={new Date(props.updatedAt).toLocaleString("en")}>
            {timeAgo(props.updatedAt, Date.now())}
          </time>
        )}
      </Cell>
      <Cell className="grid place-items-center">
        <RowMenu node={node} isTabStop={isTabStop} canEdit={canEdit} {...handlers} />
      </Cell>
    </div>
  );
});

function TitleCell({ row, onFold }: { row: TreeRow; onFold: (id: string) => void }) {
  const { node } = row;
  const { presence } = useCanvasScope();
  const faces = useStore(useMemo(() => presence.facesOf(node.id), [presence, node.id]));
  const isRenaming = useIsRenaming(node.id);
  const indent = (Math.min(row.level, DEEPEST_INDENT) - 1) * INDENT_PX;
  return (
    <Cell className="flex min-w-0 items-center gap-1.5 pr-3" style={{ paddingLeft: indent }}>
      {row.hasChildren ? (
        // The row itself folds with the arrow keys and says whether it is.
        <button
          type="button"
          aria-hidden
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onFold(node.id);
          }}
          onDoubleClick={(event) => event.stopPropagation()}
          className={`grid size-6 shrink-0 place-items-center rounded text-muted transition-transform duration-100 hover:bg-sunken ${row.isExpanded ? "rotate-90" : ""}`}
        >
          <Icon name="fold" size={12} />
        </button>
      ) : (
        <span className="w-6 shrink-0" />
      )}
      {isRenaming ? (
        <TitleInput
          id={node.id}
          title={node.title}
          onFinish={() => document.querySelector<HTMLElement>(`[data-row="${node.id}"]`)?.focus()}
          className="h-7 min-w-0 flex-1 text-[13px]"
        />
      ) : (
        <span className={`truncate ${row.isMatch ? "font-medium" : ""} ${node.title ? "" : "text-muted"}`}>
          {node.title || "Untitled"}
        </span>
      )}
      {node.priority === "high" && (
        <span role="img" aria-label="High priority" title="High priority" className="text-danger">
          <Icon name="up" size={12} />
        </span>
      )}
      {row.isInItself && <InItself />}
      <LockBadge nodeId={node.id} className="shrink-0" />
      {faces.length > 0 && <AvatarRow people={faces} size={18} />}
    </Cell>
  );
}

function InItself() {
  const words = "Inside itself: two people moved nodes into each other at the same time. Move one of them.";
  return (
    <span role="img" aria-label={words} title={words} className="shrink-0 text-danger">
      <Icon name="warning" size={14} />
    </span>
  );
}

function StatusCell({ status }: { status: string }) {
  const states = useStates();
  return (
    <Cell className="flex pr-2">
      <StatusPill status={status} states={states} />
    </Cell>
  );
}

function AuthorCell({ node }: { node: NodeFacts }) {
  const name = useName(node.authorId);
  return (
    <Cell className={`${shownFrom("author")} min-w-0 items-center gap-2 pr-2`}>
      <AuthorMark agent={node.isAgent} userId={node.authorId} />
      <span className="truncate">{name}</span>
    </Cell>
  );
}
