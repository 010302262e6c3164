import type { Proposal } from "../api/proposals";

/** Proposals as one reads the node: by their places in the body, then what would be added to the outputs. */
export function inReadingOrder(
  proposals: readonly Proposal[],
  blockOf: (id: string) => number | null,
): Proposal[] {
  const place = ({ id, kind }: Proposal) =>
    kind === "output" ? Number.POSITIVE_INFINITY : (blockOf(id) ?? -1);
  return proposals
    .map((proposal, index) => ({ proposal, index, at: place(proposal) }))
    .sort((a, b) => (a.at === b.at ? a.index - b.index : a.at - b.at))
    .map(({ proposal }) => proposal);
}
