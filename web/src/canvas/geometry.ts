import type { Box } from "../documents/canvas";

export type Direction = "left" | "right" | "up" | "down";

/**
 * The card that an arrow key leads to: of those whose centre lies in that direction, the one that is nearest,
 * where being off the axis counts double.
 */
export function neighbourOf(
  from: Box,
  others: Iterable<{ id: string; box: Box }>,
  direction: Direction,
): string | null {
  const start = centre(from);
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const { id, box } of others) {
    const { x, y } = centre(box);
    const [along, across] = inDirection(x - start.x, y - start.y, direction);
    if (along <= 0) continue;
    const cost = along + 2 * Math.abs(across);
    if (cost < least) {
      least = cost;
      best = id;
    }
  }
  return best;
}

function centre(box: Box): { x: number; y: number } {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

function inDirection(dx: number, dy: number, direction: Direction): [along: number, across: number] {
  switch (direction) {
    case "right":
      return [dx, dy];
    case "left":
      return [-dx, dy];
    case "down":
      return [dy, dx];
    case "up":
      return [-dy, dx];
  }
}
