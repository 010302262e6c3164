import { useEffect } from "react";
import type { Point } from "../documents/canvas";
import type { Value } from "../lib/external-store";
import type { Direction } from "./geometry";

/** What the keyboard, the palette and the panel ask of the view that is shown. */
export interface Stage {
  /** Where the middle of a new node goes. */
  placeForNew(): Point;
  /** Brings a node into view, so that it can be read, and gives it the focus. */
  show(id: string): void;
  /** Brings a node into view. */
  reveal(id: string): void;
  /** The node in a direction of the selected one, or the first. */
  next(direction: Direction): string | null;
  fit(): void;
  zoom(direction: "in" | "out"): void;
}

/** Offers a view's stage for as long as it is shown. */
export function useStage(place: Value<Stage | null>, stage: Stage, isShown = true): void {
  useEffect(() => {
    if (!isShown) return;
    place.set(stage);
    return () => {
      if (place.get() === stage) place.set(null);
    };
  }, [place, stage, isShown]);
}
