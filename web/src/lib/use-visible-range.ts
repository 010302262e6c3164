import { type RefObject, useEffect, useState } from "react";

/** Rows that are kept beyond both edges, so that they are there before one scrolls to them. */
const BEYOND = 8;
/** What is believed of a place that was not measured yet. */
const FIRST_HEIGHT_PX = 800;

export interface VisibleRange {
  from: number;
  /** The first that is not in it. */
  to: number;
}

/** Which rows of equal height a scrolling element shows. */
export function useVisibleRange(
  element: RefObject<HTMLElement | null>,
  rowHeight: number,
  count: number,
): VisibleRange {
  const [seen, setSeen] = useState({ top: 0, height: FIRST_HEIGHT_PX });
  useEffect(() => {
    const scroller = element.current;
    if (!scroller) return;
    const measure = () => {
      // By whole rows: scrolling within one changes nothing.
      const top = Math.floor(scroller.scrollTop / rowHeight) * rowHeight;
      const height = scroller.clientHeight || FIRST_HEIGHT_PX;
      setSeen((before) => (before.top === top && before.height === height ? before : { top, height }));
    };
    measure();
    scroller.addEventListener("scroll", measure, { passive: true });
    const resized = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(measure);
    resized?.observe(scroller);
    return () => {
      scroller.removeEventListener("scroll", measure);
      resized?.disconnect();
    };
  }, [element, rowHeight]);
  return {
    from: Math.max(0, Math.min(count, Math.floor(seen.top / rowHeight)) - BEYOND),
    to: Math.min(count, Math.ceil((seen.top + seen.height) / rowHeight) + BEYOND),
  };
}
