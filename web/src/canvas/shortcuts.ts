import { useEffect, useRef } from "react";
import type { ProjectView } from "../app/router";
import { type CanvasActions, useCanvasActions } from "./canvas-actions";
import { useCanvasScope } from "./canvas-context";
import type { Direction } from "./geometry";

const ARROWS: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** The views by their keys. */
const VIEW_KEYS: Record<string, ProjectView> = { 1: "canvas", 2: "tree", 3: "graph" };

/**
 * A field can go away under somebody's hands, because the node was deleted elsewhere. What they go on typing is
 * meant for the field, and no shortcut.
 */
const TYPING_ON_MS = 1_000;
const LEAVES_FIELD: ReadonlySet<string> = new Set(["Escape", "Enter", "Tab"]);

export interface ShortcutTargets {
  nodeId: string | null;
  /** Whether a node, or the history, is open beside the view. */
  panelOpen: boolean;
  openPalette: () => void;
  openKeys: () => void;
  /** Takes a node's lock, or gives it back. */
  toggleLock: (nodeId: string) => void;
  /** Gives a node to an agent; null where there is none. */
  run: ((nodeId: string) => void) | null;
}

/** The keyboard of the project page. Keys that a field or a dialog wants are left to it. */
export function useShortcuts(targets: ShortcutTargets): void {
  const actions = useCanvasActions();
  const { flow } = useCanvasScope();
  const typedAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      if (isTyping(event.target))
        typedAt.current = LEAVES_FIELD.has(event.key) ? Number.NEGATIVE_INFINITY : event.timeStamp;
      else if (isCharacter(event) && event.timeStamp - typedAt.current < TYPING_ON_MS) return;
      const handled = withModifier(event, actions, targets) || plain(event, actions, flow.onlyNode, targets);
      if (handled) event.preventDefault();
    };
    const onPointerDown = () => {
      typedAt.current = Number.NEGATIVE_INFINITY;
    };
    window.addEventListener("keydown", onKeyDown);
    window.addEventListener("pointerdown", onPointerDown);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      window.removeEventListener("pointerdown", onPointerDown);
    };
  });
}

function withModifier(event: KeyboardEvent, actions: CanvasActions, targets: ShortcutTargets): boolean {
  if (!(event.metaKey || event.ctrlKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "k") {
    targets.openPalette();
    return true;
  }
  if (isTyping(event.target) || isInDialog(event.target)) return false;
  if (key === "z" && event.shiftKey) actions.redo();
  else if (key === "z") actions.undo();
  else if (key === "y") actions.redo();
  else if (key === "a" && isOnCanvas(event.target)) actions.selectAll();
  else return false;
  return true;
}

function plain(
  event: KeyboardEvent,
  actions: CanvasActions,
  onlyNode: string | null,
  targets: ShortcutTargets,
) {
  if (event.metaKey || event.ctrlKey || event.altKey || isInDialog(event.target)) return false;
  if (event.key === "Escape") return stepBack(event, actions, targets);
  if (isTyping(event.target)) return false;
  const aimed = targets.nodeId ?? onlyNode;
  switch (event.key) {
    case "?":
      targets.openKeys();
      return true;
    case "n":
    case "N":
      actions.addNode();
      return true;
    case "l":
    case "L":
      if (aimed) targets.toggleLock(aimed);
      return aimed !== null;
    case "r":
    case "R":
      if (aimed) targets.run?.(aimed);
      return aimed !== null && targets.run !== null;
    case "f":
    case "F":
      actions.fit();
      return true;
  }
  const view = VIEW_KEYS[event.key];
  if (view) actions.showView(view);
  if (view || !isOnCanvas(event.target)) return view !== undefined;
  const direction = ARROWS[event.key];
  if (direction) actions.moveSelection(direction);
  else if (event.key === "Enter" && onlyNode) actions.openNode(onlyNode);
  else if (event.key === "F2") actions.renameSelected();
  else if (event.key === "Delete" || event.key === "Backspace") actions.deleteSelected();
  else return false;
  return true;
}

/** Steps back: out of a field, then out of what is open, then out of the selection. */
function stepBack(
  event: KeyboardEvent,
  actions: CanvasActions,
  { nodeId, panelOpen }: ShortcutTargets,
): boolean {
  if (isTyping(event.target)) {
    (event.target as HTMLElement).blur();
    return true;
  }
  if (!panelOpen) actions.clearSelection();
  else actions.closePanel();
  if (nodeId) actions.focusNode(nodeId);
  return true;
}

function isCharacter(event: KeyboardEvent): boolean {
  const plain = !(event.metaKey || event.ctrlKey || event.altKey);
  return plain && (event.key.length === 1 || event.key === "Backspace" || event.key === "Delete");
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input, textarea, select");
}

function isInDialog(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('[role="dialog"], [role="menu"]') !== null;
}

function isOnCanvas(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target === document.body || (target.closest("[data-stage]") !== null && !target.closest("button"));
}

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** The command key as this keyboard names it. */
export const MOD = MAC ? "⌘" : "Ctrl ";

/** The other key that stands for something else with another. */
export const ALT = MAC ? "⌥" : "Alt";
