/**
 * Which local edits are in the server's log: a pure reducer over what happens to one replica.
 *
 * An edit is a local Yjs transaction. It is unsent, in flight in a numbered frame (SPEC.md, G13), or refused.
 * An answer (step 2) carries everything that the server lacks: all edits made before it, whatever became of them.
 */

import type { SavedState, SavedStateName } from "./api.js";
import type { ErrorInfo } from "./errors.js";

/** Frames that are remembered one by one; beyond, the oldest are taken together, which may only delay their confirmation. */
export const MAX_FRAMES_IN_FLIGHT = 1024;

/** The number of an answer of which the last piece is not sent yet. */
const UNNUMBERED = Number.POSITIVE_INFINITY;

/** A frame without a receipt. */
export interface FrameInFlight {
  /** Its number since `subscribed`; of an answer that goes in pieces, that of the last. */
  readonly frame: number;
  /** How many edits it carries. */
  readonly edits: number;
  readonly kind: "update" | "answer";
}

/** The state of one replica's edits. */
export interface SavedModel {
  /** `null` while not attached. */
  readonly access: "write" | "read" | null;
  /** Whether a step 2 was sent since `subscribed`. */
  readonly answered: boolean;
  /** The server says that its log is behind (G18). */
  readonly behind: boolean;
  readonly unsent: number;
  /** By ascending frame number. */
  readonly inFlight: readonly FrameInFlight[];
  readonly refused: number;
  /** The last refusal and its frame (0: of an earlier attachment, or never sent). */
  readonly refusal: { readonly frame: number; readonly cause: ErrorInfo } | null;
  /** Access ended for good. */
  readonly ended: ErrorInfo | null;
}

/** What can happen. */
export type SavedEvent =
  /** The local copy holds edits of an earlier life. */
  | { readonly type: "loaded"; readonly edits: number }
  | { readonly type: "edited" }
  | { readonly type: "attached"; readonly access: "write" | "read" }
  | { readonly type: "detached" }
  | { readonly type: "ended"; readonly cause: ErrorInfo }
  /** An answer is sent in pieces. Its edits are those made so far; `answered` comes with its last piece. */
  | { readonly type: "answering" }
  /** A step 2 was sent as this frame. */
  | { readonly type: "answered"; readonly frame: number }
  /** An update with this many edits was sent as this frame. */
  | { readonly type: "sent"; readonly frame: number; readonly edits: number }
  /** The answer was not sent, or not to its end, for the server would not take it. */
  | { readonly type: "withheld"; readonly cause: ErrorInfo }
  | { readonly type: "receipt"; readonly through: number }
  | { readonly type: "refused"; readonly frame: number; readonly cause: ErrorInfo }
  | { readonly type: "behind"; readonly behind: boolean };

/** A replica without edits that is not attached. */
export const INITIAL: SavedModel = {
  access: null,
  answered: false,
  behind: false,
  unsent: 0,
  inFlight: [],
  refused: 0,
  refusal: null,
  ended: null,
};

/** The state after an event. */
export function reduce(model: SavedModel, event: SavedEvent): SavedModel {
  switch (event.type) {
    case "loaded":
      return { ...model, unsent: model.unsent + event.edits };
    case "edited":
      return { ...model, unsent: model.unsent + 1 };
    case "attached":
      return { ...released(model), access: event.access, ended: null };
    case "detached":
      return released(model);
    case "ended":
      return { ...released(model), ended: event.cause };
    case "answering":
      return inAnswer(model, UNNUMBERED);
    case "answered":
      return answered(model, event.frame);
    case "sent": {
      const frame: FrameInFlight = { frame: event.frame, edits: event.edits, kind: "update" };
      return { ...model, unsent: model.unsent - event.edits, inFlight: bounded([...model.inFlight, frame]) };
    }
    case "withheld":
      return withheld(model, event.cause);
    case "receipt":
      return receipted(model, event.through);
    case "refused":
      return refused(model, event.frame, event.cause);
    case "behind":
      return { ...model, behind: event.behind };
  }
}

/** Nothing is in flight any more: what was will be part of the next answer. */
function released(model: SavedModel): SavedModel {
  const refusal = model.refusal && !model.refusal.cause.retry ? { ...model.refusal, frame: 0 } : null;
  const refusedNow = refusal ? model.refused : 0;
  const unsent = model.unsent + editsOf(model.inFlight) + model.refused - refusedNow;
  return { ...INITIAL, unsent, refused: refusedNow, refusal, ended: model.ended };
}

function answered(model: SavedModel, frame: number): SavedModel {
  const last = model.inFlight.at(-1);
  if (last?.frame !== UNNUMBERED) return { ...inAnswer(model, frame), answered: true };
  return { ...model, answered: true, inFlight: model.inFlight.with(-1, { ...last, frame }) };
}

/** All that is not on its way becomes part of an answer. */
function inAnswer(model: SavedModel, frame: number): SavedModel {
  const answer: FrameInFlight = { frame, edits: model.unsent + model.refused, kind: "answer" };
  return { ...model, unsent: 0, refused: 0, inFlight: bounded([...model.inFlight, answer]) };
}

function withheld(model: SavedModel, cause: ErrorInfo): SavedModel {
  const begun = model.inFlight.filter((each) => each.frame === UNNUMBERED);
  const refused = model.refused + model.unsent + editsOf(begun);
  const inFlight = begun.length > 0 ? model.inFlight.slice(0, -1) : model.inFlight;
  return { ...model, unsent: 0, inFlight, refused, refusal: { frame: 0, cause } };
}

function receipted(model: SavedModel, through: number): SavedModel {
  const covered = model.inFlight.filter((each) => each.frame <= through);
  if (covered.length === 0) return model;
  const { refusal } = model;
  const healed =
    refusal !== null && covered.some((each) => each.kind === "answer" && each.frame > refusal.frame);
  return {
    ...model,
    inFlight: model.inFlight.slice(covered.length),
    refusal: healed && model.refused === 0 ? null : refusal,
  };
}

function refused(model: SavedModel, frame: number, cause: ErrorInfo): SavedModel {
  const index = model.inFlight.findIndex((each) => each.frame >= frame);
  const edits = model.inFlight[index]?.edits ?? 0;
  const inFlight = index < 0 ? model.inFlight : model.inFlight.toSpliced(index, 1);
  return { ...model, inFlight, refused: model.refused + edits, refusal: { frame, cause } };
}

function bounded(inFlight: readonly FrameInFlight[]): readonly FrameInFlight[] {
  const [first, second, ...rest] = inFlight;
  if (!first || !second || inFlight.length <= MAX_FRAMES_IN_FLIGHT) return inFlight;
  const kind = first.kind === "answer" ? "answer" : second.kind;
  return [{ frame: second.frame, edits: first.edits + second.edits, kind }, ...rest];
}

function editsOf(inFlight: readonly FrameInFlight[]): number {
  return inFlight.reduce((sum, each) => sum + each.edits, 0);
}

/** What the model means to the user. */
export function savedStateOf(model: SavedModel): SavedState {
  return {
    state: nameOf(model),
    unconfirmed: model.unsent + editsOf(model.inFlight) + model.refused,
    refusal: model.ended ?? model.refusal?.cause ?? null,
  };
}

function nameOf(model: SavedModel): SavedStateName {
  const { refusal } = model;
  if (model.ended) return "refused";
  if (refusal && !refusal.cause.retry && refusal.cause.code !== "READ_ONLY") return "refused";
  if (model.access === null) return "offline";
  if (model.access === "read") return "read-only";
  if (model.answered && model.inFlight.length === 0 && model.unsent === 0 && !refusal) return "saved";
  return model.behind || refusal?.cause.retry ? "behind" : "saving";
}
