import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Organization } from "../api/types";
import { SettingsSection } from "./settings-section";

const ORGANIZATION: Organization = {
  id: "org",
  name: "Engines",
  slug: "engines",
  role: "owner",
  settings: {
    defaultModel: null,
    allowedModels: null,
    agentPolicies: { maxTokensPerExecution: null, requireApproval: false, tools: { search: "deny" } },
  },
  eventSourcingLevel: "full",
  createdAt: "",
};
const TAKEN = { title: "Conflict", status: 409, code: "SLUG_TAKEN", detail: "The slug is in use." };
let sent: { method: string; url: string; body: unknown }[];
let refusal: object | null;

beforeEach(() => {
  sent = [];
  refusal = null;
  vi.stubGlobal("fetch", async (url: string, { method = "", body }: RequestInit) => {
    sent.push({ method, url, body: body && JSON.parse(String(body)) });
    if (refusal) return Response.json(refusal, { status: 409 });
    return method === "DELETE" ? new Response(null, { status: 204 }) : Response.json(ORGANIZATION);
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(more: Partial<Organization> = {}) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SettingsSection organization={{ ...ORGANIZATION, ...more }} />
    </QueryClientProvider>,
  );
}

const part = (name: string) => within(screen.getByRole("region", { name }));
const saveIn = (name: string) => part(name).getByRole<HTMLButtonElement>("button", { name: "Save" });
const changed = (body: unknown) => ({ method: "PATCH", url: "/api/v1/orgs/org", body });

it("sends what was changed of the name, and says why it was refused", async () => {
  show();
  expect(saveIn("Name").disabled).toBe(true);
  fireEvent.change(part("Name").getByRole("textbox", { name: "Slug" }), { target: { value: "looms" } });
  refusal = TAKEN;
  fireEvent.click(saveIn("Name"));
  expect((await part("Name").findByRole("alert")).textContent).toBe("The slug is in use.");
  expect(sent).toEqual([changed({ slug: "looms" })]);
});

it("asks before less of the past is kept, and does not before more is", async () => {
  show({ eventSourcingLevel: "snapshot" });
  const past = part("What is kept of the past");
  fireEvent.click(past.getByRole("radio", { name: "Who and when, and no old content" }));
  fireEvent.click(saveIn("What is kept of the past"));
  const dialog = within(await screen.findByRole("dialog", { name: "Keep less of the past?" }));
  expect(sent).toEqual([]);
  fireEvent.click(dialog.getByRole("button", { name: "Keep less" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(sent).toEqual([changed({ eventSourcingLevel: "audit" })]);

  fireEvent.click(past.getByRole("radio", { name: "Everything" }));
  fireEvent.click(saveIn("What is kept of the past"));
  await waitFor(() => expect(sent.at(-1)).toEqual(changed({ eventSourcingLevel: "full" })));
  expect(screen.queryByRole("dialog")).toBeNull();
});

it("says what agents may do, and keeps the rules that were not touched", async () => {
  show();
  const agents = part("What agents may do");
  fireEvent.click(agents.getByRole("checkbox", { name: "Agents ask before they change anything" }));
  fireEvent.change(agents.getByRole("combobox", { name: "Set the status of their node" }), {
    target: { value: "allow" },
  });
  fireEvent.click(saveIn("What agents may do"));
  const agentPolicies = { requireApproval: true, tools: { search: "deny", set_status: "allow" } };
  await waitFor(() => expect(sent).toEqual([changed({ settings: { agentPolicies } })]));
});

it("is deleted by owners who have typed its slug", async () => {
  show();
  fireEvent.click(screen.getByRole("button", { name: "Delete Engines…" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Delete Engines?" }));
  const button = dialog.getByRole<HTMLButtonElement>("button", { name: "Delete for good" });
  const typed = dialog.getByRole("textbox");
  fireEvent.change(typed, { target: { value: "Engines" } });
  expect(button.disabled).toBe(true);
  fireEvent.change(typed, { target: { value: "engines" } });
  fireEvent.click(button);
  await waitFor(() =>
    expect(sent).toEqual([{ method: "DELETE", url: "/api/v1/orgs/org?confirm=engines", body: undefined }]),
  );
  cleanup();
  show({ role: "admin" });
  expect(screen.queryByRole("region", { name: "Delete the organization" })).toBeNull();
});
