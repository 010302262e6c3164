import type { Authorship } from "../api/history";
import type { Proposal } from "../api/proposals";

/** How far the times of an edit and of the decision that made it may be apart. */
const APART_MS = 2_000;

/**
 * The run that proposed what a person wrote by accepting it: accepted by the same person, at that time, with these words.
 * Null: the person wrote it.
 */
export function acceptedRun(proposals: readonly Proposal[], by: Authorship, words: string): string | null {
  const wanted = letters(words);
  if (!wanted) return null;
  const [from, until] = [Date.parse(by.from) - APART_MS, Date.parse(by.until) + APART_MS];
  const found = proposals.find(({ status, decidedBy, decidedAt, text }) => {
    if (status !== "accepted" || !decidedAt || by.principal !== `user:${decidedBy}`) return false;
    const at = Date.parse(decidedAt);
    return from <= at && at <= until && letters(text).includes(wanted);
  });
  return found?.runId ?? null;
}

/** A text without its marks and spaces. */
function letters(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}]/gu, "");
}
