import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { Found } from "../api/search";
import { Canvas } from "../documents/canvas";
import { type CanvasScope, CanvasScopeContext } from "./canvas-context";
import { FlowModel } from "./flow-model";
import { Palette } from "./palette";

interface Asked {
  url: string;
  query: string;
  signal: AbortSignal;
  answer: (response: Response) => void;
}

let asked: Asked[];
let opened: unknown[];
let canvas: Canvas;

beforeEach(() => {
  asked = [];
  opened = [];
  canvas = new Canvas(new Y.Doc());
  vi.stubGlobal("fetch", (url: string, { body, signal }: RequestInit) => {
    if (url.endsWith("/projects"))
      return Promise.resolve(
        Response.json({ items: [{ id: "other", name: "Elsewhere" }], nextCursor: null }),
      );
    return new Promise<Response>((answer, reject) => {
      const { query } = JSON.parse(String(body));
      asked.push({ url, query, signal: signal as AbortSignal, answer });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show() {
  const scope = { canvas, flow: new FlowModel(canvas), projectId: "here" } as CanvasScope;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <CanvasScopeContext value={scope}>
        <Palette
          orgId="org"
          open
          onClose={() => opened.push("closed")}
          actions={[{ label: "Fit everything", icon: "fit", run: () => opened.push("fit") }]}
          onNode={(id, projectId) => opened.push([id, projectId])}
          onFile={(file) => opened.push(file)}
        />
      </CanvasScopeContext>
    </QueryClientProvider>,
  );
}

const field = () => screen.getByRole("combobox");
const type = (text: string) => fireEvent.change(field(), { target: { value: text } });
const press = (key: string, more: KeyboardEventInit = {}) => fireEvent.keyDown(field(), { key, ...more });
const group = (name: string) => screen.findByRole("group", { name });

function found(more: Partial<Found>): Found {
  return {
    type: "node",
    id: "n",
    projectId: "here",
    title: "Found",
    excerpt: "",
    status: "draft",
    contentType: null,
    ...more,
  };
}

const page = (...items: Found[]) => Response.json({ items, nextCursor: null });

it("shows titles at once, asks once typing has settled, and shows what texts say after them", async () => {
  const id = canvas.addNode({ x: 0, y: 0 }, { userId: "ada", status: "draft" });
  canvas.setText(id, "title", "Zeppelins");
  show();
  type("zep");
  type("zepp");
  expect(
    within(screen.getByRole("group", { name: "Actions and titles" })).getByText("Zeppelins"),
  ).toBeTruthy();
  await waitFor(() => expect(asked.map(({ query }) => query)).toEqual(["zepp"]));
  expect(screen.getByRole("status").textContent).toBe("Searching in texts and files…");
  const other = found({ id: "m", projectId: "other", title: "Airships", excerpt: "Before zeppelins flew" });
  asked[0]?.answer(page(found({ id, title: "Zeppelins" }), other));
  const texts = await group("In texts and files");
  expect(within(texts).getAllByRole("option")).toHaveLength(1);
  expect(texts.textContent).toContain("Before zeppelins flew");
  await waitFor(() => expect(texts.textContent).toContain("Elsewhere · Draft"));
  expect(screen.getByRole("status").textContent).toBe("1 more found in texts and files.");
  press("ArrowDown");
  const chosen = screen.getByRole("option", { selected: true });
  expect(chosen.id).toBe(field().getAttribute("aria-activedescendant"));
  expect(chosen.textContent).toContain("Airships");
  press("Enter");
  expect(opened).toEqual(["closed", ["m", "other"]]);
});

it("gives up a question when another one takes its place", async () => {
  show();
  type("first");
  await waitFor(() => expect(asked).toHaveLength(1));
  type("second");
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked[0]?.signal.aborted).toBe(true);
  asked[0]?.answer(page(found({ title: "Of the first" })));
  asked[1]?.answer(page(found({ title: "Of the second" })));
  expect(await screen.findByText("Of the second")).toBeTruthy();
  expect(screen.queryByText("Of the first")).toBeNull();
});

it("opens a file by itself", async () => {
  show();
  type("report");
  await waitFor(() => expect(asked).toHaveLength(1));
  asked[0]?.answer(
    page(found({ type: "file", id: "f", title: "report.pdf", contentType: "application/pdf" })),
  );
  fireEvent.click(await screen.findByText("report.pdf"));
  expect(opened).toEqual(["closed", { id: "f", title: "report.pdf" }]);
});

it("searches for the nearest when that is asked for, without leaving the field", async () => {
  show();
  type("lighter than air");
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(screen.queryByRole("option")).toBeNull();
  asked[0]?.answer(page());
  expect(await screen.findByText("Search for what is nearest to “lighter than air”")).toBeTruthy();
  expect(screen.getByRole("status").textContent).toBe("Nothing found in texts and files.");
  press("Enter");
  await waitFor(() => expect(asked[1]?.url).toBe("/api/v1/orgs/org/search/semantic"));
  const { excerpt: _, ...node } = found({ title: "Balloons" });
  press("Enter", { repeat: true });
  press("Enter");
  expect(within(await group("Nearest")).getByRole("option", { selected: true }).textContent).toContain(
    "Search for what is nearest",
  );
  expect(asked).toHaveLength(2);
  asked[1]?.answer(
    Response.json({
      items: [{ ...node, passage: "They float.", similarity: 0.8 }],
      embedder: "lexical-hash-1",
    }),
  );
  expect(await screen.findByText("They float.")).toBeTruthy();
  expect(screen.queryByText(/Search for what is nearest/)).toBeNull();
  expect(screen.getByRole("status").textContent).toContain("The nearest one is listed.");
  press("Enter", { repeat: true });
  expect(opened).toEqual([]);
  type("lighter");
  expect(screen.queryByText("They float.")).toBeNull();
});

it("says that one has to wait, and that the server is not reached", async () => {
  show();
  type("often");
  await waitFor(() => expect(asked).toHaveLength(1));
  const headers = { "Retry-After": "7" };
  asked[0]?.answer(
    Response.json({ title: "No", status: 429, code: "RATE_LIMITED" }, { status: 429, headers }),
  );
  expect(await screen.findByText("The server was asked too often. Go on in 7 seconds.")).toBeTruthy();
  const again = screen.getByRole("button", { name: "Try again" });
  again.focus();
  fireEvent.click(again);
  expect(document.activeElement).toBe(field());
  await waitFor(() => expect(asked).toHaveLength(2));
  asked[1]?.answer(page());
  expect(await screen.findByText("Nothing found in texts and files.")).toBeTruthy();
});
