import { expect, it } from "vitest";
import { ORGANIZATION_SECTIONS, organizationPath, parseRoute, projectPath } from "./router";

const P = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const N = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5f";

it("reads back every address that it makes", () => {
  for (const view of ["canvas", "tree", "graph"] as const) {
    for (const [nodeId, part, wholePage] of [
      [null, "content", false],
      [N, "content", false],
      [N, "content", true],
      [N, "history", false],
      [N, "history", true],
    ] as const) {
      const place = { view, nodeId, part, wholePage };
      const url = new URL(projectPath(P, place), "http://localhost");
      expect(parseRoute(url.pathname, url.search)).toEqual({ name: "project", projectId: P, ...place });
    }
  }
});

it("reads back the addresses of an organization's parts", () => {
  for (const section of ORGANIZATION_SECTIONS) {
    expect(parseRoute(organizationPath(P, section), "")).toEqual({ name: "organization", orgId: P, section });
  }
  expect(parseRoute(`/o/${P}/nothing`, "").name).toBe("unknown");
});

it("knows the other pages, and nothing else", () => {
  expect(parseRoute("/", "").name).toBe("projects");
  expect(parseRoute("/signin", "").name).toBe("signin");
  expect(parseRoute("/me", "").name).toBe("profile");
  for (const path of ["/p/not-an-id", `/p/${P}/x`, `/p/${P}/history`, `/p/${P}/tree/history`]) {
    expect(parseRoute(path, "").name).toBe("unknown");
  }
});
