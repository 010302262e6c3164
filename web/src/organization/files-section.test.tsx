import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { StoredFile } from "../api/files";
import { session } from "../api/session";
import type { Organization, OrganizationRole } from "../api/types";
import { aFile } from "../files/fixtures";
import { ToastProvider } from "../ui/toast";
import { FilesSection } from "./files-section";

const BEN = { id: "ben", email: "ben@example.com", name: "Ben", avatarUrl: null, color: "#000000" };
const PROJECT = { id: "project", orgId: "org", name: "Plan", role: "member" };
let files: StoredFile[];
let asked: { method: string; url: string; body: unknown }[];

beforeEach(() => {
  asked = [];
  files = [
    aFile(),
    aFile({ id: "mine", filename: "mine.txt", contentType: "text/plain", uploadedBy: "ben" }),
  ];
  session.start({ token: "t", user: BEN });
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ method: init.method ?? "", url, body: init.body && JSON.parse(String(init.body)) });
    if (init.method === "DELETE") return new Response(null, { status: 204 });
    if (init.method === "PATCH") return Response.json(aFile());
    if (url.includes("/files")) return Response.json({ items: files, nextCursor: null });
    if (url.includes("/members"))
      return Response.json({ items: [{ userId: "ada", name: "Ada" }], nextCursor: null });
    return Response.json({ items: [PROJECT], nextCursor: null });
  });
});
afterEach(() => {
  cleanup();
  session.end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function show(role: OrganizationRole = "member") {
  const organization = { id: "org", name: "Org", slug: "org", role, createdAt: "" } as Organization;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <FilesSection organization={organization} projectId={null} />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const rows = async () => within(await screen.findByRole("list", { name: "Files" })).findAllByRole("listitem");
const lists = () => asked.filter(({ url }) => url.includes("/orgs/org/files")).map(({ url }) => url);

async function openMenu(of: string) {
  fireEvent.keyDown(await screen.findByRole("button", { name: `Actions for ${of}` }), { key: "Enter" });
  await screen.findByRole("menu");
}
const menuItems = () => screen.getAllByRole("menuitem").map(({ textContent }) => textContent);

it("lists files with what is known of them, and asks for others", async () => {
  show();
  const [first] = await rows();
  await waitFor(() => expect(first?.textContent).toMatch(/report\.pdf.*PDF · 1\.2 MB · Plan · by Ada/));
  expect(lists()).toEqual(["/api/v1/orgs/org/files?sort=-createdAt"]);
  fireEvent.change(screen.getByRole("combobox", { name: "State" }), { target: { value: "failed" } });
  fireEvent.change(screen.getByRole("combobox", { name: "Order" }), { target: { value: "filename" } });
  await waitFor(() =>
    expect(lists().at(-1)).toBe("/api/v1/orgs/org/files?processingStatus=failed&sort=filename"),
  );
});

it("looks again while a file is under way", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  files = [aFile({ processingStatus: "uploading" })];
  show();
  const [coming] = await rows();
  expect(coming?.textContent).toMatch(/Not uploaded$/);
  expect(lists()).toHaveLength(1);
  files = [aFile()];
  await vi.advanceTimersByTimeAsync(30_000);
  expect(lists()).toHaveLength(2);
  const [read] = await rows();
  await waitFor(() => expect(read?.textContent).toMatch(/Read$/));
  await vi.advanceTimersByTimeAsync(90_000);
  expect(lists()).toHaveLength(2);
});

it("says what will be there where no file is", async () => {
  files = [];
  show();
  expect(await screen.findByRole("heading", { name: "No file yet" })).toBeTruthy();
  fireEvent.change(screen.getByRole("combobox", { name: "State" }), { target: { value: "failed" } });
  expect(await screen.findByText("No file is in this state.")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Show all" }));
  expect(await screen.findByRole("heading", { name: "No file yet" })).toBeTruthy();
});

it("lets members change what they uploaded, and admins everything", async () => {
  show();
  await openMenu("report.pdf");
  expect(menuItems()).toEqual(["Download"]);
  cleanup();
  show();
  await openMenu("mine.txt");
  expect(menuItems()).toEqual(["Download", "Rename…", "Delete…"]);
  cleanup();
  show("admin");
  await openMenu("report.pdf");
  expect(menuItems()).toEqual(["Download", "Rename…", "Delete…"]);
});

it("renames a file, and deletes none without asking", async () => {
  show();
  await openMenu("mine.txt");
  fireEvent.click(screen.getByRole("menuitem", { name: "Rename…" }));
  const name = await screen.findByRole("textbox", { name: "Name" });
  expect(name.getAttribute("maxlength")).toBe("255");
  fireEvent.change(name, { target: { value: " ours.txt " } });
  fireEvent.click(screen.getByRole("button", { name: "Rename" }));
  await waitFor(() =>
    expect(asked).toContainEqual({
      method: "PATCH",
      url: "/api/v1/files/mine",
      body: { filename: "ours.txt" },
    }),
  );
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await openMenu("mine.txt");
  fireEvent.click(screen.getByRole("menuitem", { name: "Delete…" }));
  const dialog = await screen.findByRole("dialog", { name: "Delete this file?" });
  expect(asked.some(({ method }) => method === "DELETE")).toBe(false);
  fireEvent.click(within(dialog).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(asked.some(({ method }) => method === "DELETE")).toBe(true));
});
