import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { StoredFile } from "../api/files";
import { ProjectFeedProvider } from "../events/project-feed";
import { FileById } from "./file-view";
import { aFile } from "./fixtures";
import { useFollowedFiles } from "./use-followed-files";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Followed() {
  useFollowedFiles();
  return <FileById id="file" />;
}

it("shows at once that a file was read, and that it is gone", async () => {
  let file: StoredFile | null = aFile({ processingStatus: "processing", hasText: false });
  let tell: (type: string) => void = () => {};
  const events = new ReadableStream<Uint8Array>({
    start(controller) {
      tell = (type) => {
        const event = { id: type, type, payload: { fileId: "file" } };
        controller.enqueue(new TextEncoder().encode(`id: ${type}\ndata: ${JSON.stringify(event)}\n\n`));
      };
    },
  });
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.includes("/events")) return new Response(events);
    if (file) return Response.json(file);
    return Response.json({ title: "No", status: 404, code: "NOT_FOUND" }, { status: 404 });
  });
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ProjectFeedProvider projectId="p">
        <Followed />
      </ProjectFeedProvider>
    </QueryClientProvider>,
  );
  expect(await screen.findByText("Being read")).toBeTruthy();
  file = aFile({ hasText: false });
  tell("file_processed");
  expect(await screen.findByText("No text in it")).toBeTruthy();
  file = null;
  tell("file_deleted");
  expect(await screen.findByText(/was deleted, or it has not been shared/)).toBeTruthy();
});
