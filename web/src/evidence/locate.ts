import type { Authorship, Blame, TextBlock, TextHistory, TextSpan } from "../api/history";

/** A block of a text as an editor has it now: what is on lines of its own. */
export interface LiveBlock {
  /** Its words; U+FFFC for each thing that is no text. */
  text: string;
}

/** A stretch of a block. */
export interface Stretch {
  block: number;
  from: number;
  to: number;
}

export interface LocatedSpan extends Stretch {
  span: TextSpan;
}

/**
 * The place in a block of a history that is now at `offset` of a live block, which may have been edited since: what lies
 * in front of an edit and behind it is found, what is in the middle of one is not.
 */
function offsetIn(old: string, now: string, offset: number): number | null {
  if (old === now) return offset;
  const least = Math.min(old.length, now.length);
  let start = 0;
  while (start < least && old[start] === now[start]) start += 1;
  if (offset < start) return offset;
  let end = 0;
  while (end < least - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const behind = now.length - offset;
  return behind <= end ? old.length - behind : null;
}

/**
 * Which block of a history each live block is: the same words nearest to the same place, else one whose place nobody
 * else took; null where there is none.
 */
export function alignBlocks(live: readonly LiveBlock[], history: readonly TextBlock[]): (number | null)[] {
  const texts = history.map(wordsOf);
  const taken = new Set<number>();
  const found = live.map(({ text }, index) => {
    const same = texts.flatMap((old, at) => (old === text && !taken.has(at) ? [at] : []));
    const nearest = same.reduce<number | null>(
      (best, at) => (best === null || Math.abs(at - index) < Math.abs(best - index) ? at : best),
      null,
    );
    if (nearest !== null) taken.add(nearest);
    return nearest;
  });
  return found.map((at, index) => {
    if (at !== null) return at;
    const between = (found[index - 1] ?? index - 1) + 1;
    const free = [between, index].find((place) => place < texts.length && !taken.has(place));
    if (free === undefined) return null;
    taken.add(free);
    return free;
  });
}

function wordsOf({ spans }: TextBlock): string {
  return spans.map(({ text }) => text).join("");
}

/** Who wrote what is at a place of a live text. Null: it was written since the history was read. */
export function spanAt(
  history: TextHistory,
  live: readonly LiveBlock[],
  at: { block: number; offset: number },
): LocatedSpan | null {
  const index = alignBlocks(live, history.blocks)[at.block] ?? null;
  const old = index === null ? undefined : history.blocks[index];
  const now = live[at.block];
  if (!old || !now) return null;
  const offset = offsetIn(wordsOf(old), now.text, at.offset);
  if (offset === null) return null;
  const spans = placed(old);
  const span = spans.find(({ from, to }) => from <= offset && offset < to) ?? spans.at(-1);
  return span && offset <= span.to ? { ...span, block: at.block } : null;
}

function placed({ spans }: TextBlock): { span: TextSpan; from: number; to: number }[] {
  let at = 0;
  return spans.map((span) => {
    const from = at;
    at += span.text.length;
    return { span, from, to: at };
  });
}

/** Where what is marked in a history is in the live text. */
export function stretchesOf(
  history: TextHistory,
  live: readonly LiveBlock[],
  isMarked: (span: TextSpan) => boolean,
): Stretch[] {
  return alignBlocks(live, history.blocks).flatMap((index, block) => {
    const old = index === null ? undefined : history.blocks[index];
    const now = live[block];
    if (!old || !now) return [];
    const marked = placed(old).filter(({ span }) => isMarked(span));
    if (marked.length === 0) return [];
    const words = wordsOf(old);
    return marked.flatMap(({ from, to }) => {
      // Positions of the history in the live text: the same question, asked the other way round.
      const [start, end] = [offsetIn(now.text, words, from), offsetIn(now.text, words, to - 1)];
      return start === null || end === null || end < start ? [] : [{ block, from: start, to: end + 1 }];
    });
  });
}

/** Whether something was written by a run, or by one step of it. */
export function isBy(by: Authorship | undefined, run: string, step: string | null): boolean {
  return by?.run === run && (step === null || by.traceEvent === step);
}

/** The steps of a run that wrote something that is in a document. */
export function stepsIn(blame: Blame, run: string): Set<string> {
  const steps = new Set<string>();
  for (const { blocks } of blame.texts) {
    for (const { inserted } of blocks.flatMap(({ spans }) => spans)) {
      if (inserted?.run === run && inserted.traceEvent) steps.add(inserted.traceEvent);
    }
  }
  return steps;
}

/** How many characters of a document are marked. */
export function markedLength(blame: Blame, isMarked: (span: TextSpan) => boolean): number {
  return blame.texts
    .flatMap(({ blocks }) => blocks.flatMap(({ spans }) => spans))
    .reduce((length, span) => length + (isMarked(span) ? span.text.length : 0), 0);
}
