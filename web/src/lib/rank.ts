/** Those that match a query, best first: at the start, at the start of a word, anywhere; else in the given order. */
export function rank<T extends { label: string }>(query: string, items: readonly T[]): T[] {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [...items];
  return items
    .map((item, index) => ({ item, index, score: score(wanted, item.label.toLowerCase()) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map(({ item }) => item);
}

function score(wanted: string, label: string): number {
  if (label.startsWith(wanted)) return 4;
  if (label.includes(` ${wanted}`)) return 3;
  if (label.includes(wanted)) return 2;
  return wanted.split(/\s+/).every((word) => label.includes(word)) ? 1 : 0;
}
