import type { ConnectRefusal } from "../documents/canvas";

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
