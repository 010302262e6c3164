import { expect, it } from "vitest";
import { rank } from "./rank";

const labels = (query: string, ...items: string[]) =>
  rank(
    query,
    items.map((label) => ({ label })),
  ).map(({ label }) => label);

it("ranks starts before words before insides, and leaves out what does not match", () => {
  expect(labels("plan", "Explanation", "Trip plan", "Planning", "Other")).toEqual([
    "Planning",
    "Trip plan",
    "Explanation",
  ]);
});

it("finds words in any order", () => {
  expect(labels("node new", "New node", "Old node")).toEqual(["New node"]);
});

it("keeps the order for an empty query", () => {
  expect(labels(" ", "b", "a")).toEqual(["b", "a"]);
});
