import { describe, expect, it } from "vitest";
import { closesCycle, edgesOnCycles, type Link } from "./cycles";

const links = (...pairs: string[]): Link[] =>
  pairs.map((pair) => ({ id: pair, source: pair.charAt(0), target: pair.charAt(1) }));

describe("closesCycle", () => {
  it("refuses an edge to a node that leads back, over any distance", () => {
    expect(closesCycle(links("ab", "bc", "cd"), "d", "a")).toBe(true);
    expect(closesCycle(links("ab"), "b", "a")).toBe(true);
    expect(closesCycle([], "a", "a")).toBe(true);
  });

  it("allows diamonds and shortcuts", () => {
    expect(closesCycle(links("ab", "ac", "bd"), "c", "d")).toBe(false);
    expect(closesCycle(links("ab", "bc"), "a", "c")).toBe(false);
  });

  it("ends on a graph that already has a cycle", () => {
    expect(closesCycle(links("ab", "ba"), "c", "a")).toBe(false);
  });
});

describe("edgesOnCycles", () => {
  it("finds nothing in an acyclic graph", () => {
    expect(edgesOnCycles(links("ab", "ac", "bd", "cd"))).toEqual(new Set());
  });

  it("finds every edge of a cycle, and none that only leads to or from it", () => {
    expect(edgesOnCycles(links("xa", "ab", "bc", "ca", "cy"))).toEqual(new Set(["ab", "bc", "ca"]));
  });

  it("finds separate cycles and self-loops", () => {
    expect(edgesOnCycles(links("ab", "ba", "bc", "cd", "dc", "ee"))).toEqual(
      new Set(["ab", "ba", "cd", "dc", "ee"]),
    );
  });

  it("does not overflow on a long chain", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => ({
      id: `${i}`,
      source: `${i}`,
      target: `${i + 1}`,
    }));
    expect(edgesOnCycles(chain).size).toBe(0);
    chain.push({ id: "back", source: "20000", target: "0" });
    expect(edgesOnCycles(chain).size).toBe(20_001);
  });

  it("agrees with a search from every edge on random graphs", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 50; round += 1) {
      const graph = Array.from({ length: 14 }, (_, i) => ({
        id: `${i}`,
        source: `${random(9)}`,
        target: `${random(9)}`,
      }));
      const expected = graph
        .filter((link) => closesCycle(graph, link.source, link.target))
        .map(({ id }) => id);
      expect(edgesOnCycles(graph)).toEqual(new Set(expected));
    }
  });
});
