import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { type CanvasScope, CanvasScopeContext } from "../canvas/canvas-context";
import { FlowModel } from "../canvas/flow-model";
import { SelectionBar } from "../canvas/selection-bar";
import { Canvas } from "../documents/canvas";
import { MakeTemplateDialog } from "./make-template-dialog";

let sent: { url: string; body: unknown }[];
let refusal: object | null;
let canvas: Canvas;
let flow: FlowModel;

beforeEach(() => {
  sent = [];
  refusal = null;
  canvas = new Canvas(new Y.Doc());
  flow = new FlowModel(canvas);
  vi.stubGlobal("fetch", async (url: string, { body }: RequestInit) => {
    sent.push({ url, body: JSON.parse(String(body)) });
    return refusal ? Response.json(refusal, { status: 400 }) : Response.json({ id: "t" }, { status: 201 });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Offer() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <SelectionBar onMakeTemplate={() => setIsOpen(true)} />
      <MakeTemplateDialog orgId="org" open={isOpen} onClose={() => setIsOpen(false)} />
    </>
  );
}

function show(...titles: string[]): string[] {
  const author = { userId: null, status: "draft" };
  const ids = titles.map((title) => canvas.addNode({ x: 0, y: 0 }, { ...author, title }));
  const scope = { canvas, flow, projectId: "p" } as CanvasScope;
  render(
    <QueryClientProvider client={new QueryClient()}>
      <CanvasScopeContext value={scope}>
        <Offer />
      </CanvasScopeContext>
    </QueryClientProvider>,
  );
  return ids;
}

const offer = () => screen.queryByRole("button", { name: "Make a template of these…" });
async function fill(name: string) {
  fireEvent.click(screen.getByRole("button", { name: "Make a template of these…" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Make a template of these" }));
  fireEvent.change(dialog.getByRole("textbox", { name: "Name" }), { target: { value: name } });
  fireEvent.click(dialog.getByRole("button", { name: "Make the template" }));
  return dialog;
}

it("is offered for several nodes that are selected, and for no fewer", () => {
  const [first = "", second = ""] = show("One", "Two");
  expect(offer()).toBeNull();
  act(() => flow.select([first]));
  expect(offer()).toBeNull();
  act(() => flow.select([first, second]));
  expect(screen.getByRole("group", { name: "Selected nodes" }).textContent).toContain("2 nodes");
  expect(offer()).toBeTruthy();
});

it("makes a template of the nodes that are selected and on the canvas", async () => {
  const [first = "", second = "", deleted = ""] = show("One", "Two", "Deleted");
  canvas.remove(new Set([deleted]));
  act(() => flow.select([first, second, deleted]));
  const dialog = await fill(" Brief ");
  expect(dialog.getByText(/^2 nodes, with what is written in them/)).toBeTruthy();
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const fromNodes = { projectId: "p", nodeIds: [first, second] };
  expect(sent).toEqual([
    { url: "/api/v1/orgs/org/templates", body: { name: "Brief", description: "", fromNodes } },
  ]);
});

it("says what the server has against it, and keeps what was typed", async () => {
  refusal = {
    title: "Validation failed",
    status: 400,
    code: "VALIDATION_FAILED",
    detail: "Some fields are wrong.",
    errors: [{ field: "fromNodes.nodeIds", message: "must be 1 to 200 nodes" }],
  };
  const ids = show("One", "Two");
  act(() => flow.select(ids));
  const dialog = await fill("Brief");
  expect((await dialog.findByRole("alert")).textContent).toBe(
    "Some fields are wrong. must be 1 to 200 nodes",
  );
  expect(dialog.getByRole<HTMLInputElement>("textbox", { name: "Name" }).value).toBe("Brief");
});
