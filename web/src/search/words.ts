interface FoundByWords {
  /** How many are listed as found in texts and files. */
  listed: number;
  /** How many of what was found are listed by their titles already. */
  titled: number;
  /** Whether there is more than the server has said. */
  hasMore: boolean;
}

/** How much was found by its words. */
export function foundWords({ listed, titled, hasMore }: FoundByWords): string {
  const more = titled > 0 ? " more" : "";
  if (listed === 0) return `Nothing${more} found in texts and files.`;
  if (hasMore) return `The best ${listed} in texts and files. More words find fewer.`;
  return `${listed}${more} found in texts and files.`;
}

/** How much was found that is near: by meaning, or by parts of words, as the server is set up. */
export function nearestWords(count: number): string {
  if (count === 0) return "Nothing near to it found.";
  return count === 1 ? "The nearest one is listed." : `The ${count} nearest are listed.`;
}
