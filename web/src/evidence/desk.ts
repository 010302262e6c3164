import { createContext } from "react";
import type { TextHistory, TextSpan } from "../api/history";
import { Value } from "../lib/external-store";
import type { LiveBlock } from "./locate";

/** A place in a text of which somebody wants to know who wrote it. */
export interface Pointed {
  /** The text, as histories name it. */
  part: string;
  blocks: readonly LiveBlock[];
  block: number;
  offset: number;
  /** Where it is on the screen. */
  rect: DOMRect;
  /** Whether it was asked for, or only the pointer rests there. */
  isAsked: boolean;
}

/** What is to be marked in a text. */
export interface Mark {
  text: TextHistory;
  isMarked: (span: TextSpan) => boolean;
  look: "pointed" | "shown";
  /** Whether the first of it is to be brought into view. */
  isSought: boolean;
}

/** Where the texts of a node and what is known about them meet: who points where, and what is marked. */
export class EvidenceDesk {
  readonly pointed = new Value<Pointed | null>(null);
  /** By the names of texts. */
  readonly marks = new Value<ReadonlyMap<string, readonly Mark[]>>(new Map());
}

/** The desk of the open node; null where nothing is known about texts. */
export const EvidenceContext = createContext<EvidenceDesk | null>(null);
