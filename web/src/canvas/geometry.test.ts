import { describe, expect, it } from "vitest";
import { neighbourOf } from "./geometry";

const box = (x: number, y: number) => ({ x, y, width: 240, height: 100 });
const grid = [0, 1, 2].flatMap((row) =>
  [0, 1, 2].map((column) => ({ id: `${row}${column}`, box: box(column * 300, row * 150) })),
);

describe("arrow keys", () => {
  it("lead to the next card in their direction", () => {
    const from = box(300, 150);
    expect(neighbourOf(from, grid, "left")).toBe("10");
    expect(neighbourOf(from, grid, "right")).toBe("12");
    expect(neighbourOf(from, grid, "up")).toBe("01");
    expect(neighbourOf(from, grid, "down")).toBe("21");
  });

  it("stay where nothing lies in their direction", () => {
    expect(neighbourOf(box(0, 0), grid, "left")).toBeNull();
  });

  it("prefer a card in line to a nearer one off the line", () => {
    const others = [
      { id: "in line", box: box(500, 0) },
      { id: "aside", box: box(300, 250) },
    ];
    expect(neighbourOf(box(0, 0), others, "right")).toBe("in line");
  });
});
