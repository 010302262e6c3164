import { act, cleanup, render, screen } from "@testing-library/react";
import { useRef } from "react";
import { afterEach, expect, it } from "vitest";
import { useVisibleRange } from "./use-visible-range";

afterEach(cleanup);

function List({ count }: { count: number }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { from, to } = useVisibleRange(scroller, 10, count);
  return (
    <div ref={scroller} data-testid="list">
      {from}–{to}
    </div>
  );
}

it("is a window of the rows, that moves as one scrolls and ends with them", () => {
  render(<List count={10_000} />);
  const list = screen.getByTestId("list");
  expect(list.textContent).toBe("0–88");
  list.scrollTop = 5_000;
  act(() => void list.dispatchEvent(new Event("scroll")));
  expect(list.textContent).toBe("492–588");
  list.scrollTop = 200_000;
  act(() => void list.dispatchEvent(new Event("scroll")));
  expect(list.textContent).toBe("9992–10000");
});
