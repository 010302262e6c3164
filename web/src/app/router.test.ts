import { expect, it } from "vitest";
import { parseRoute, projectPath } from "./router";

const P = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const N = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5f";

it("reads back every address that it makes", () => {
  for (const [nodeId, wholePage] of [
    [null, false],
    [N, false],
    [N, true],
  ] as const) {
    const url = new URL(projectPath(P, nodeId, wholePage), "http://localhost");
    expect(parseRoute(url.pathname, url.search)).toEqual({
      name: "project",
      projectId: P,
      nodeId,
      wholePage,
    });
  }
});

it("knows the other pages, and nothing else", () => {
  expect(parseRoute("/", "").name).toBe("projects");
  expect(parseRoute("/signin", "").name).toBe("signin");
  expect(parseRoute("/p/not-an-id", "").name).toBe("unknown");
  expect(parseRoute(`/p/${P}/x`, "").name).toBe("unknown");
});
