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

function showFollowed() {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ProjectFeedProvider projectId="p">
        <Followed />
      </ProjectFeedProvider>
    </QueryClientProvider>,
  );
}

/** A stream of events about the file, and what tells of one. */
function aStream() {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const events = new ReadableStream<Uint8Array>({
    start(its) {
      controller = its;
    },
  });
  const tell = (type: string) => {
    const event = { id: type, type, payload: { fileId: "file" } };
    controller?.enqueue(new TextEncoder().encode(`id: ${type}\ndata: ${JSON.stringify(event)}\n\n`));
  };
  return { events, tell };
}

it("shows at once that a file was read, and that it is gone", async () => {
  let file: StoredFile | null = aFile({ processingStatus: "processing", hasText: false });
  const { events, tell } = aStream();
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.includes("/events")) return new Response(events);
    if (file) return Response.json(file);
    return Response.json({ title: "No", status: 404, code: "NOT_FOUND" }, { status: 404 });
  });
  showFollowed();
  expect(await screen.findByText("Being read")).toBeTruthy();
  file = aFile({ hasText: false });
  tell("file_processed");
  expect(await screen.findByText("No text in it")).toBeTruthy();
  file = null;
  tell("file_deleted");
  expect(await screen.findByText(/was deleted, or it has not been shared/)).toBeTruthy();
});

it("asks again when a file was read while it was asked for the first time", async () => {
  const { events, tell } = aStream();
  const answers: ((file: StoredFile) => void)[] = [];
  vi.stubGlobal("fetch", (url: string) =>
    url.includes("/events")
      ? Promise.resolve(new Response(events))
      : new Promise((resolve) => answers.push((file) => resolve(Response.json(file)))),
  );
  showFollowed();
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  tell("file_processed");
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[0]?.(aFile({ processingStatus: "processing", hasText: false }));
  answers[1]?.(aFile({ hasText: false }));
  expect(await screen.findByText("No text in it")).toBeTruthy();
});
