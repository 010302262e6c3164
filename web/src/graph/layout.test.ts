import { describe, expect, it } from "vitest";
import type { Link } from "../documents/cycles";
import { GRAPH_CARD, layOut, spread } from "./layout";

const link = (source: string, target: string): Link => ({ id: `${source}-${target}`, source, target });

function placesOf(nodes: string[], links: Link[]) {
  const { places } = layOut(nodes, links);
  return (id: string) => places.get(id) ?? { x: Number.NaN, y: Number.NaN };
}

describe("the layered layout", () => {
  it("puts what feeds others to the left of them", () => {
    const at = placesOf(
      ["c", "a", "b", "d"],
      [link("a", "b"), link("b", "c"), link("a", "c"), link("c", "d")],
    );
    expect(at("a").x).toBeLessThan(at("b").x);
    expect(at("b").x).toBeLessThan(at("c").x);
    expect(at("c").x).toBeLessThan(at("d").x);
  });

  it("gives every node a place, and no two the same room, cycles or not", () => {
    const nodes = Array.from({ length: 60 }, (_, index) => `n${index}`);
    const links = nodes.slice(0, 50).map((id, index) => link(id, nodes[(index * 7 + 3) % 50] as string));
    const { places } = layOut(nodes, links);
    expect(places.size).toBe(60);
    const boxes = [...places.values()];
    for (const [index, a] of boxes.entries()) {
      for (const b of boxes.slice(index + 1)) {
        const apart = Math.abs(a.x - b.x) >= GRAPH_CARD.width || Math.abs(a.y - b.y) >= GRAPH_CARD.height;
        expect(apart).toBe(true);
      }
    }
  });

  it("keeps edges from crossing where they need not", () => {
    // Given in an order in which a–x and b–y cross.
    const at = placesOf(["a", "b", "y", "x"], [link("a", "x"), link("b", "y"), link("a", "b")]);
    expect(Math.sign(at("x").y - at("y").y)).not.toBe(0);
    const two = placesOf(
      ["r", "a", "b", "y", "x"],
      [link("r", "a"), link("r", "b"), link("b", "y"), link("a", "x")],
    );
    expect(Math.sign(two("a").y - two("b").y)).toBe(Math.sign(two("x").y - two("y").y));
  });

  it("keeps parts apart, and puts what is joined to nothing below all", () => {
    const { places, aloneFrom } = layOut(
      ["alone", "a", "b", "c", "x", "y"],
      [link("x", "y"), link("a", "b"), link("b", "c")],
    );
    const y = (id: string) => places.get(id)?.y ?? Number.NaN;
    expect(y("x")).toBeGreaterThanOrEqual(y("a") + GRAPH_CARD.height);
    expect(y("alone")).toBeGreaterThanOrEqual(y("x") + GRAPH_CARD.height);
    expect(aloneFrom).toBe(y("alone"));
  });

  it("keeps a passage free for an edge that skips layers, and leads it through", () => {
    const nodes = ["a", "b", "c", "d"];
    const long = link("a", "d");
    const { places, routes } = layOut(nodes, [link("a", "b"), link("b", "c"), link("c", "d"), long]);
    const route = routes.get(long.id) ?? [];
    expect(route.map(({ x }) => x)).toEqual([places.get("b")?.x, places.get("c")?.x]);
    for (const [index, id] of ["b", "c"].entries()) {
      const top = places.get(id)?.y ?? Number.NaN;
      const passed = route[index]?.y ?? Number.NaN;
      expect(passed < top || passed > top + GRAPH_CARD.height).toBe(true);
    }
    expect([...places.keys()].sort()).toEqual(nodes);
  });

  it("ignores edges to nodes that are not there", () => {
    expect(layOut(["a"], [link("a", "gone")]).places.size).toBe(1);
  });
});

it("spreads things within bounds, in their order and with a gap between", () => {
  const heights = [10, 10, 10];
  expect(spread([0, 0, 0], heights, 0, 200)).toEqual([0, 34, 68]);
  expect(spread([190, 190, 190], heights, 0, 200)).toEqual([122, 156, 190]);
  expect(spread([5, 60, 120], heights, 0, 200)).toEqual([5, 60, 120]);
});
