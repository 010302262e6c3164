import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { NodeVersion } from "../api/node-versions";
import { CanEditContext } from "../canvas/canvas-context";
import { ProjectFeedProvider } from "../events/project-feed";
import { NodeVersions } from "./node-versions";

let kept: NodeVersion[];
let asked: { method: string; url: string }[];
let refusal: object | null;
let tell: (event: object) => void;
let chosen: number[];

const version = (number: number, more: Partial<NodeVersion> = {}): NodeVersion => ({
  version: number,
  changeType: "session",
  changeSummary: "Edited",
  changedBy: "user:ada",
  createdAt: new Date().toISOString(),
  nodeSeq: 10 * number,
  ...more,
});

beforeEach(() => {
  kept = Array.from({ length: 7 }, (_, before) => version(7 - before));
  asked = [];
  refusal = null;
  chosen = [];
  vi.stubGlobal("fetch", async (url: string, { method = "" }: RequestInit) => {
    if (url.includes("/events")) {
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          tell = (event) =>
            controller.enqueue(new TextEncoder().encode(`id: 1\ndata: ${JSON.stringify(event)}\n\n`));
        },
      });
      return new Response(stream, { status: 200 });
    }
    asked.push({ method, url });
    if (method === "POST") return refusal ? Response.json(refusal, { status: 410 }) : Response.json({});
    const query = new URL(url, "http://localhost").searchParams;
    const before = Number(query.get("before") ?? Number.POSITIVE_INFINITY);
    const older = kept.filter((one) => one.version < before);
    const items = older.slice(0, Number(query.get("limit") ?? 50));
    const rest = items.length < older.length ? { nextBefore: items.at(-1)?.version } : {};
    const authors = {
      "user:ada": { kind: "user", name: "Ada" },
      "agent:x": { kind: "agent", name: "Critic" },
    };
    return Response.json({ items, authors, ...rest });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(canEdit = true) {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <CanEditContext value={canEdit}>
        <ProjectFeedProvider projectId="p">
          <NodeVersions nodeId="n" onChoose={(seq) => chosen.push(seq)} />
        </ProjectFeedProvider>
      </CanEditContext>
    </QueryClientProvider>,
  );
}

const rows = async () =>
  within(await screen.findByRole("list", { name: "Versions" })).findAllByRole("listitem");
const askGoBack = async (number: number) => {
  fireEvent.click(await screen.findByRole("button", { name: `Back to version ${number}` }));
  const dialog = within(await screen.findByRole("dialog", { name: `Back to version ${number}?` }));
  fireEvent.click(dialog.getByRole("button", { name: "Go back" }));
  return dialog;
};

it("lists versions with what made them and who, and more when they are asked for", async () => {
  kept[0] = version(7, { changeType: "status_change", changeSummary: "Status: done", changedBy: "agent:x" });
  show();
  const [last, before, ...others] = await rows();
  expect(last?.textContent).toMatch(/^Version 7 Status: done.*Critic \(agent\) · just now/);
  expect(before?.textContent).toMatch(/^Version 6 Edited.*Ada/);
  expect(others).toHaveLength(3);
  fireEvent.click(screen.getByRole("button", { name: "Show more" }));
  await waitFor(async () => expect(await rows()).toHaveLength(7));
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

it("shows what was written in the node then", async () => {
  show();
  fireEvent.click(await screen.findByRole("button", { name: /^Version 4/ }));
  expect(chosen).toEqual([40]);
});

it("goes back to a version, but not without asking, and then lists what came of it", async () => {
  show();
  await rows();
  kept.unshift(version(8, { changeType: "rollback", changeSummary: "Back to version 5" }));
  await askGoBack(5);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(asked).toContainEqual({ method: "POST", url: "/api/v1/nodes/n/rollback/5" });
  expect(await screen.findByText("Version 8")).toBeTruthy();
});

it("says why a version cannot be gone back to", async () => {
  refusal = { title: "Gone", status: 410, code: "HISTORY_NOT_KEPT", detail: "It is not kept." };
  show();
  const dialog = await askGoBack(6);
  expect((await dialog.findByRole("alert")).textContent).toBe("It is not kept.");
});

it("offers no way back to who may only read", async () => {
  show(false);
  await rows();
  expect(screen.queryByRole("button", { name: /^Back to/ })).toBeNull();
});

it("asks anew when there is another version of this node, and of no other one", async () => {
  show();
  await rows();
  const before = asked.length;
  const event = { id: "1", type: "version_created", projectId: "p", payload: {} };
  tell({ ...event, nodeId: "other" });
  kept.unshift(version(8));
  tell({ ...event, nodeId: "n" });
  expect(await screen.findByText("Version 8")).toBeTruthy();
  expect(asked).toHaveLength(before + 1);
});
