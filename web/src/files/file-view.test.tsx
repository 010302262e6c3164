import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { StoredFile } from "../api/files";
import { ToastProvider } from "../ui/toast";
import { FileById } from "./file-view";
import { aFile } from "./fixtures";

let file: StoredFile | null;
let asked: string[];
let saved: string[];

beforeEach(() => {
  file = aFile();
  asked = [];
  saved = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    if (url.endsWith("/text")) return new Response("The first lines of it.");
    if (url.startsWith("/api/v1/blobs/")) return new Response("pixels");
    if (file) return Response.json(file);
    return Response.json({ title: "No", status: 404, code: "NOT_FOUND" }, { status: 404 });
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(`${this.download} from ${this.getAttribute("href")}`);
  });
  URL.createObjectURL = () => "blob:picture";
  URL.revokeObjectURL = () => {};
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function show() {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <FileById id="file" />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

it("says what a file is, shows its first lines, and opens its text", async () => {
  show();
  expect(await screen.findByText("report.pdf")).toBeTruthy();
  expect(screen.getByText("PDF · 1.2 MB")).toBeTruthy();
  expect(screen.getByRole("status").textContent).toBe("Read");
  expect(await screen.findByText("The first lines of it.")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Open the text of report.pdf" }));
  expect((await screen.findByRole("region", { name: "Text of report.pdf" })).textContent).toBe(
    "The first lines of it.",
  );
});

it("asks for an address when a file is downloaded, not before", async () => {
  show();
  const button = await screen.findByRole("button", { name: "Download report.pdf" });
  file = aFile({ downloadUrl: "https://store.example/1" });
  fireEvent.click(button);
  await waitFor(() => expect(saved).toEqual(["report.pdf from https://store.example/1"]));
});

it("says why a file cannot be downloaded", async () => {
  show();
  const button = await screen.findByRole("button", { name: "Download report.pdf" });
  file = aFile({ downloadUrl: null });
  fireEvent.click(button);
  expect(await screen.findByText(/report.pdf cannot be downloaded/)).toBeTruthy();
  expect(saved).toEqual([]);
});

it("shows pictures, but none that could hold a program", async () => {
  file = aFile({ filename: "a.png", contentType: "image/png", hasText: false });
  show();
  const picture = await screen.findByRole("img", { name: "Preview of a.png" });
  expect(picture.getAttribute("src")).toBe("blob:picture");
  expect(asked).toContain("/api/v1/blobs/file?signature=1");
  cleanup();
  asked = [];
  file = aFile({ filename: "a.svg", contentType: "image/svg+xml", hasText: false });
  show();
  expect(await screen.findByText("a.svg")).toBeTruthy();
  expect(screen.queryByRole("img")).toBeNull();
  expect(asked).toEqual(["/api/v1/files/file"]);
});

it("says why a text was not read, and that the file is safe", async () => {
  file = aFile({ processingStatus: "failed", processingError: "It is encrypted", hasText: false });
  show();
  expect(await screen.findByText(/could not be read: It is encrypted/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Download report.pdf" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /Open the text/ })).toBeNull();
});

it("says that a file is gone, or for others", async () => {
  file = null;
  show();
  expect(await screen.findByText(/was deleted, or it has not been shared with you/)).toBeTruthy();
});
