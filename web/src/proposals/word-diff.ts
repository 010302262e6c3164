export interface Piece {
  text: string;
  change: "kept" | "inserted" | "deleted";
}

/** Texts of more words than this are told as one deleted and one inserted. */
const WORDS_MAX = 600;

/** What becomes of a text, word by word. */
export function wordDiff(before: string, after: string): Piece[] {
  const [old, now] = [wordsOf(before), wordsOf(after)];
  if (old.length > WORDS_MAX || now.length > WORDS_MAX) {
    return joined([
      ...pieces(before ? [before] : [], "deleted"),
      ...pieces(after ? [after] : [], "inserted"),
    ]);
  }
  const common = commonLengths(old, now);
  const found: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      found.push({ text: old[i] ?? "", change: "kept" });
      i += 1;
      j += 1;
    } else if ((common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0)) {
      found.push({ text: old[i] ?? "", change: "deleted" });
      i += 1;
    } else {
      found.push({ text: now[j] ?? "", change: "inserted" });
      j += 1;
    }
  }
  return joined([...found, ...pieces(old.slice(i), "deleted"), ...pieces(now.slice(j), "inserted")]);
}

/** The words of a text and what is between them. */
function wordsOf(text: string): string[] {
  return text.match(/\s+|[^\s]+/g) ?? [];
}

/** How many words the rests of two texts have in common, in order, by where the rests begin. */
function commonLengths(old: readonly string[], now: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(now.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const [row, below] = [lengths[i] ?? [], lengths[i + 1] ?? []];
    for (let j = now.length - 1; j >= 0; j -= 1) {
      row[j] = old[i] === now[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}

function pieces(texts: readonly string[], change: Piece["change"]): Piece[] {
  return texts.map((text) => ({ text, change }));
}

/** Neighbours of the same change as one. */
function joined(found: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of found) {
    const last = all.at(-1);
    if (last?.change === piece.change) last.text += piece.text;
    else all.push({ ...piece });
  }
  return all;
}
