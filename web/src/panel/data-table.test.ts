import { describe, expect, it } from "vitest";
import { tableOf } from "./data-table";

describe("data as a table", () => {
  it("is a list of objects with plain values, of which some may be missing", () => {
    const rows = [
      { name: "Solo", price: 9 },
      { name: "Crew", seats: null },
    ];
    expect(tableOf(rows)).toEqual({ columns: ["name", "price", "seats"], rows });
  });

  it("is nothing that would lose something as one", () => {
    const wide = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`c${i}`, i]));
    for (const data of [
      null,
      7,
      "text",
      {},
      [],
      [1, 2],
      [{}],
      [[1]],
      [{ a: { b: 1 } }],
      [{ a: [1] }],
      [wide],
    ]) {
      expect(tableOf(data)).toBeNull();
    }
  });
});
