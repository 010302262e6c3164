import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PROJECT_ROLES, type ProjectRole } from "../api/types";
import { ToastProvider } from "../ui/toast";
import { MemberList } from "./member-list";
import { PROJECT_ROLE_WORDS } from "./roles";

const ADA = { userId: "1", name: "Ada", email: "ada@example.com", role: "member" };
let asked: { method: string; url: string; body: unknown }[];
let refuse: boolean;

beforeEach(() => {
  asked = [];
  refuse = false;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ method: init.method ?? "", url, body: init.body && JSON.parse(String(init.body)) });
    if (init.method === "GET") return Response.json({ items: [ADA], nextCursor: null });
    if (refuse) {
      const problem = { title: "No", status: 409, code: "LAST_OWNER", detail: "Nobody would be left." };
      return Response.json(problem, { status: 409 });
    }
    return init.method === "DELETE" ? new Response(null, { status: 204 }) : Response.json(ADA);
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(canManage = true) {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <MemberList<ProjectRole>
          group={{ kind: "projects", id: "p" }}
          groupName="Plan"
          words={PROJECT_ROLE_WORDS}
          rolesFor={() => (canManage ? PROJECT_ROLES : [])}
          canRemove={() => canManage}
          empty="Nobody."
        />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const changes = () => asked.filter(({ method }) => method !== "GET");

it("changes a role, and looks again who is there", async () => {
  show();
  fireEvent.change(await screen.findByRole("combobox", { name: "Role of Ada" }), {
    target: { value: "viewer" },
  });
  await waitFor(() => expect(changes()).toHaveLength(1));
  expect(changes()[0]).toEqual({
    method: "PATCH",
    url: "/api/v1/projects/p/members/1",
    body: { role: "viewer" },
  });
  await waitFor(() => expect(asked.filter(({ method }) => method === "GET")).toHaveLength(2));
});

it("says why a role stays as it is", async () => {
  refuse = true;
  show();
  fireEvent.change(await screen.findByRole("combobox"), { target: { value: "admin" } });
  expect(await screen.findByText("Ada keeps their role. Nobody would be left.")).toBeTruthy();
  expect((screen.getByRole("combobox") as HTMLSelectElement).value).toBe("member");
});

it("removes nobody without asking", async () => {
  show();
  fireEvent.click(await screen.findByRole("button", { name: "Remove Ada" }));
  expect(changes()).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(changes()).toHaveLength(1));
  expect(changes()[0]?.method).toBe("DELETE");
});

it("offers nothing to those who may change nothing", async () => {
  show(false);
  expect(await screen.findByText("Can edit")).toBeTruthy();
  expect(screen.queryByRole("combobox")).toBeNull();
  expect(screen.queryByRole("button", { name: /Remove/ })).toBeNull();
});
