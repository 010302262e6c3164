import type * as Y from "yjs";
import { Value } from "../lib/external-store";

/** What can be taken back now. */
export interface UndoState {
  canUndo: boolean;
  canRedo: boolean;
}

interface StackEvent {
  type: "undo" | "redo";
}

/**
 * My edits over several documents, in the order in which I made them: the canvas, and the inputs and outputs of the
 * node that is open. Each document has its own `Y.UndoManager`; this one knows whose turn it is.
 */
export class UndoHistory {
  readonly state = new Value<UndoState>({ canUndo: false, canRedo: false });
  readonly #listeners = new Map<Y.UndoManager, (event: StackEvent) => void>();
  #done: Y.UndoManager[] = [];
  #undone: Y.UndoManager[] = [];
  #isReplaying = false;

  /** Takes a document's edits in; returns what takes them out again. */
  add(manager: Y.UndoManager): () => void {
    const added = ({ type }: StackEvent) => {
      if (!this.#isReplaying && type === "undo") this.#edited(manager);
    };
    this.#listeners.set(manager, added);
    manager.on("stack-item-added", added);
    return () => {
      manager.off("stack-item-added", added);
      this.#listeners.delete(manager);
      this.#done = this.#done.filter((other) => other !== manager);
      this.#undone = this.#undone.filter((other) => other !== manager);
      this.#publish();
    };
  }

  undo(): void {
    this.#replay(this.#done, this.#undone, (manager) => manager.undo());
  }

  redo(): void {
    this.#replay(this.#undone, this.#done, (manager) => manager.redo());
  }

  #edited(manager: Y.UndoManager): void {
    this.#done.push(manager);
    this.#undone = [];
    for (const other of this.#listeners.keys()) if (other !== manager) other.clear(false, true);
    this.#publish();
  }

  /** Lets the manager whose turn it is take a step; one that has nothing left to do is passed over. */
  #replay(from: Y.UndoManager[], to: Y.UndoManager[], step: (manager: Y.UndoManager) => unknown): void {
    this.#isReplaying = true;
    try {
      for (let manager = from.pop(); manager; manager = from.pop()) {
        if (step(manager) === null) continue;
        to.push(manager);
        break;
      }
    } finally {
      this.#isReplaying = false;
    }
    this.#publish();
  }

  #publish(): void {
    const next = { canUndo: this.#done.length > 0, canRedo: this.#undone.length > 0 };
    const { canUndo, canRedo } = this.state.get();
    if (next.canUndo !== canUndo || next.canRedo !== canRedo) this.state.set(next);
  }
}
