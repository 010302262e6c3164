/** A text of which the words that were searched for stand out. */
export function Marked({ text, query }: { text: string; query: string }) {
  return partsOf(text, query).map(({ text: part, isFound, at }) =>
    isFound ? (
      <mark key={at} className="bg-transparent font-semibold text-ink">
        {part}
      </mark>
    ) : (
      part
    ),
  );
}

interface Part {
  text: string;
  isFound: boolean;
  /** Where it begins. */
  at: number;
}

/** More words than these are not told apart. */
const WORDS_AT_MOST = 12;

/** A text, cut where a word begins or ends that begins as one of the query's. */
export function partsOf(text: string, query: string): Part[] {
  const words = query.match(/[\p{L}\p{N}]+/gu)?.slice(0, WORDS_AT_MOST) ?? [];
  if (words.length === 0) return text ? [{ text, isFound: false, at: 0 }] : [];
  const found = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join("|")})[\\p{L}\\p{N}]*`, "giu");
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(found)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index), isFound: false, at: end });
    parts.push({ text: match[0], isFound: true, at: match.index });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), isFound: false, at: end });
  return parts;
}
