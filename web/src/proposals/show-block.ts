/** How long a block is pointed out. */
const SHOWN_MS = 2_400;

/** Brings a block of the body into view, and points it out. */
export function showBlock(index: number): void {
  const block = document.querySelector('.prose-text[aria-label="Body"]')?.children[index];
  if (!block) return;
  block.scrollIntoView({ block: "center" });
  const marked = { backgroundColor: "var(--color-accent-soft)" };
  block.animate([marked, { ...marked, offset: 0.8 }, {}], SHOWN_MS);
}
