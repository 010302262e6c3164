import type { ConnectRefusal, NestRefusal } from "../documents/canvas";
import { plural } from "../lib/text";

const WORDS: Record<ConnectRefusal, string> = {
  cycle: "This edge would close a cycle: the node that it leads to already feeds the one that it comes from.",
  exists: "These nodes are already joined.",
  "same-node": "A node cannot feed itself.",
  gone: "One of these nodes was deleted.",
};

/** Why an edge was not drawn, in words. */
export function explainRefusal(refusal: ConnectRefusal): string {
  return WORDS[refusal];
}

const NESTING: Record<NestRefusal, string> = {
  "inside-itself": "A node cannot be inside itself, or inside what is inside it.",
  gone: "The node that it was to be inside was deleted.",
};

/** Why a node was not put inside another, in words. */
export function explainNesting(refusal: NestRefusal): string {
  return NESTING[refusal];
}

/** What became of edges that could not come back with their node, in words. */
export function explainClosing(edges: number): string {
  return `Restored without ${plural(edges, "edge")} that would close a cycle by now.`;
}
