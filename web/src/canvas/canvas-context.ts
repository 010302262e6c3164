import type { Provider } from "@glassbox/client";
import { createContext, use } from "react";
import type { Canvas } from "../documents/canvas";
import type { UndoHistory } from "../documents/undo-history";
import type { Value } from "../lib/external-store";
import type { Locks } from "../locks/locks";
import type { CanvasPresence } from "../presence/canvas-presence";
import type { TreeOptions } from "../tree/options";
import type { FlowModel } from "./flow-model";
import type { Stage } from "./stage";

/** What the parts of an open project share. It changes only when another project or replica is opened. */
export interface CanvasScope {
  projectId: string;
  provider: Provider;
  canvas: Canvas;
  flow: FlowModel;
  /** My edits of the canvas and of the node that is open. */
  history: UndoHistory;
  presence: CanvasPresence;
  /** The node whose title is being edited on its card. */
  renaming: Value<string | null>;
  /** The locks that are held, by node. */
  locks: Value<Locks>;
  /** The view that is shown. */
  stage: Value<Stage | null>;
  /** How the tree is sorted and filtered, and what of it is folded. */
  treeOptions: Value<TreeOptions>;
  userId: string;
}

export const CanvasScopeContext = createContext<CanvasScope | null>(null);

/** Whether this person may see to who may do what in the project. */
export const CanManageContext = createContext(false);

/** Whether this person may edit the project. */
export const CanEditContext = createContext(false);

/** The names of the workflow's states, in order. */
export const StatesContext = createContext<readonly string[]>([]);

/** The names of people, by user id, as far as they are known. */
export const NamesContext = createContext<ReadonlyMap<string, string>>(new Map());

export function useName(userId: string): string | undefined {
  return use(NamesContext).get(userId);
}

export function useCanvasScope(): CanvasScope {
  const scope = use(CanvasScopeContext);
  if (!scope) throw new Error("useCanvasScope needs a project around it");
  return scope;
}

export function useCanEdit(): boolean {
  return use(CanEditContext);
}

export function useStates(): readonly string[] {
  return use(StatesContext);
}
