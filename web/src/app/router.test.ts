import { expect, it } from "vitest";
import { ORGANIZATION_SECTIONS, organizationPath, parseRoute, projectPath } from "./router";

const P = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const N = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5f";
const R = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d60";
const S = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d61";

it("reads back every address that it makes", () => {
  for (const view of ["canvas", "tree", "graph"] as const) {
    for (const [nodeId, part, wholePage, runId, stepId] of [
      [null, "content", false, null, null],
      [null, "history", false, null, null],
      [null, "history", true, null, null],
      [N, "content", false, null, null],
      [N, "content", true, null, null],
      [N, "content", true, R, null],
      [N, "content", false, R, S],
      [N, "history", false, null, null],
      [N, "history", true, null, null],
      [N, "runs", false, null, null],
      [N, "runs", true, R, null],
      [N, "runs", false, R, S],
    ] as const) {
      const place = { view, nodeId, part, wholePage, runId, stepId };
      const url = new URL(projectPath(P, place), "http://localhost");
      expect(parseRoute(url.pathname, url.search)).toEqual({ name: "project", projectId: P, ...place });
    }
  }
});

it("reads back the addresses of an organization's parts", () => {
  for (const section of ORGANIZATION_SECTIONS) {
    const route = { name: "organization", orgId: P, section, projectId: null };
    expect(parseRoute(organizationPath(P, section), "")).toEqual(route);
  }
  const ofProject = new URL(organizationPath(P, "files", N), "http://localhost");
  expect(parseRoute(ofProject.pathname, ofProject.search)).toMatchObject({ section: "files", projectId: N });
  expect(parseRoute(`/o/${P}/nothing`, "").name).toBe("unknown");
});

it("knows the other pages, and nothing else", () => {
  expect(parseRoute("/", "").name).toBe("projects");
  expect(parseRoute("/signin", "").name).toBe("signin");
  expect(parseRoute("/me", "").name).toBe("profile");
  for (const path of [
    "/p/not-an-id",
    `/p/${P}/x`,
    `/p/${P}/runs`,
    `/p/${P}/tree/runs/${R}`,
    `/p/${P}/history/${R}`,
    `/p/${P}/n/${N}/history/${R}`,
  ]) {
    expect(parseRoute(path, "").name).toBe("unknown");
  }
});
