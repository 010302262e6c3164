import { expect, it } from "vitest";
import { chainOf } from "./graph-model";

const link = (source: string, target: string) => ({ source, target });

it("a chain is a node, what feeds it and what it feeds, and not what these feed besides", () => {
  const links = [link("a", "b"), link("b", "c"), link("a", "x"), link("y", "c"), link("p", "q")];
  expect([...chainOf("b", links)].sort()).toEqual(["a", "b", "c"]);
});

it("a chain through a cycle ends", () => {
  expect([...chainOf("a", [link("a", "b"), link("b", "a")])].sort()).toEqual(["a", "b"]);
});
