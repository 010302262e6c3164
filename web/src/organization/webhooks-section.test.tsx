import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Organization } from "../api/types";
import { ToastProvider } from "../ui/toast";
import { WebhooksSection } from "./webhooks-section";

const URL = "https://example.com/hook";
const REFUSED = {
  title: "Validation failed",
  status: 400,
  code: "VALIDATION_FAILED",
  detail: "Some fields are wrong.",
  errors: [{ field: "url", message: "must begin with https://" }],
};
let changes: { url: string; body: unknown }[];
let answerToChange: () => Response;

beforeEach(() => {
  changes = [];
  const webhook = {
    id: "hook",
    url: URL,
    description: "The tracker",
    events: ["node_created", "trace"],
    active: true,
    disabledReason: null,
    failingSince: null,
    createdAt: "2026-01-01T00:00:00Z",
  };
  answerToChange = () => Response.json(webhook);
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (init.method === "GET") return Response.json({ items: [webhook], nextCursor: null });
    changes.push({ url, body: JSON.parse(String(init.body)) });
    return answerToChange();
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** Opens the dialog in which the one webhook is changed. */
async function edit() {
  const organization = { id: "org", name: "Org", slug: "org", role: "owner", createdAt: "" } as Organization;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <WebhooksSection organization={organization} />
      </ToastProvider>
    </QueryClientProvider>,
  );
  fireEvent.keyDown(await screen.findByRole("button", { name: `Actions for ${URL}` }), { key: "Enter" });
  fireEvent.click(await screen.findByRole("menuitem", { name: "Edit…" }));
  return within(await screen.findByRole("dialog", { name: "Edit the webhook" }));
}

const address = (dialog: Awaited<ReturnType<typeof edit>>) =>
  dialog.getByRole<HTMLInputElement>("textbox", { name: "Address" });
const save = (dialog: Awaited<ReturnType<typeof edit>>) =>
  fireEvent.click(dialog.getByRole("button", { name: "Save" }));

it("shows a webhook as it is, and sends what was changed", async () => {
  const dialog = await edit();
  expect(address(dialog).value).toBe(URL);
  const checked = dialog.getAllByRole<HTMLInputElement>("checkbox", { checked: true });
  expect(checked.map(({ labels }) => labels?.[0]?.textContent)).toEqual(["Node created", "Trace"]);
  fireEvent.click(dialog.getByRole("checkbox", { name: "Node updated" }));
  fireEvent.click(dialog.getByRole("checkbox", { name: "Node created" }));
  save(dialog);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(changes).toEqual([
    { url: "/api/v1/orgs/org/webhooks/hook", body: { events: ["trace", "node_updated"] } },
  ]);
});

it("says at the address what the server has against it, and keeps what was typed", async () => {
  answerToChange = () => Response.json(REFUSED, { status: 400 });
  const dialog = await edit();
  fireEvent.change(address(dialog), { target: { value: "http://example.com/hook" } });
  save(dialog);
  expect((await dialog.findByRole("alert")).textContent).toBe("Some fields are wrong.");
  const field = address(dialog);
  expect(field.value).toBe("http://example.com/hook");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  const description = document.getElementById(field.getAttribute("aria-describedby") ?? "");
  expect(description?.textContent).toBe("Must begin with https://.");
});

it("sends nothing when nothing was changed", async () => {
  const dialog = await edit();
  save(dialog);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(changes).toEqual([]);
});
