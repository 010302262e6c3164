import type { Canvas, Point } from "../documents/canvas";

/** Where a dragged card snaps to: whole units keep updates small. */
function whole(point: Point): Point {
  return { x: Math.round(point.x), y: Math.round(point.y) };
}

/**
 * Collects where cards are dragged to and writes it once per animation frame: one transaction for all of them,
 * and one step of undo for the whole drag.
 */
export class DragBatch {
  readonly #canvas: Canvas;
  readonly #moves = new Map<string, Point>();
  #frame: number | null = null;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  start(): void {
    this.#canvas.beginStep();
  }

  move(id: string, to: Point): void {
    this.#moves.set(id, whole(to));
    this.#frame ??= requestAnimationFrame(this.#flush);
  }

  end(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#flush();
    this.#canvas.endStep();
  }

  destroy(): void {
    this.end();
  }

  readonly #flush = () => {
    this.#frame = null;
    if (this.#moves.size === 0) return;
    this.#canvas.moveNodes(this.#moves);
    this.#moves.clear();
  };
}
