import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ForgetMenu } from "./forget-menu";
import type { Span } from "./places";

const DOCUMENT = "node:n";
let sent: { method: string; url: string; body: unknown }[];
let client: QueryClient;

beforeEach(() => {
  sent = [];
  client = new QueryClient();
  vi.stubGlobal("fetch", async (url: string, { method = "", body }: RequestInit) => {
    sent.push({ method, url, body: body && JSON.parse(String(body)) });
    return Response.json({ bytesBefore: 20, bytesAfter: 10 });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function openMenu(span: Span | null) {
  render(
    <QueryClientProvider client={client}>
      <ForgetMenu document={DOCUMENT} kind="node" span={span} timeOf={(seq) => (seq > 5 ? null : seq)} />
    </QueryClientProvider>,
  );
  fireEvent.keyDown(screen.getByRole("button", { name: "More of this time" }), { key: "Enter" });
  return screen.findByRole("menuitem", { name: "Forget what was deleted…" });
}

it("has what was deleted forgotten once that was confirmed, here and on the server", async () => {
  client.setQueryData(["history", DOCUMENT, "blame", 3], "forgotten words");
  client.setQueryData(["history", "node:other", "blame", 3], "other words");
  const told = [
    ["trace", "run"],
    ["execution", "run"],
    ["notifications", "list"],
  ];
  for (const queryKey of told) client.setQueryData(queryKey, "told words");
  fireEvent.click(await openMenu({ fromSeq: 3, throughSeq: 9 }));
  const dialog = await screen.findByRole("dialog", { name: "Forget what was deleted?" });
  expect(dialog.textContent).toContain("deleted again in edits 3 to 9 is forgotten for everybody");
  expect(dialog.textContent).toContain("notifications from then lose their words");
  expect(dialog.textContent).toContain("those that failed cannot be tried again");
  expect(sent).toEqual([]);
  fireEvent.click(within(dialog).getByRole("button", { name: "Forget it for good" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(sent).toEqual([
    {
      method: "POST",
      url: "/api/v1/documents/node%3An/history/prune",
      body: { fromSeq: 3, throughSeq: 9 },
    },
  ]);
  expect(client.getQueryData(["history", DOCUMENT, "blame", 3])).toBeUndefined();
  expect(client.getQueryData(["history", "node:other", "blame", 3])).toBe("other words");
  for (const queryKey of told) expect(client.getQueryData(queryKey)).toBeUndefined();
});

it("says when the edits were made, where that is known", async () => {
  fireEvent.click(await openMenu({ fromSeq: 4, throughSeq: 5 }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toMatch(/deleted again between .*19(69|70).* and .* \(edits 4 to 5\)/);
});

it("has nothing to forget between places with no edits whose content is kept", async () => {
  expect((await openMenu(null)).getAttribute("aria-disabled")).toBe("true");
});
