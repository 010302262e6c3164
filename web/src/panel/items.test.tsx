import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { StoredFile } from "../api/files";
import { ApiError } from "../api/http";
import { CanEditContext, type CanvasScope, CanvasScopeContext } from "../canvas/canvas-context";
import { fileOf, NodeDocument, sortedItems } from "../documents/node";
import { aFile } from "../files/fixtures";
import type { TransferWatch } from "../files/transfer";
import { Uploads } from "../files/uploads";
import { UploadsContext, useUploadsInto } from "../files/uploads-context";
import { ToastProvider } from "../ui/toast";
import { Items } from "./items";

let transfers: { watch: TransferWatch; arrive: () => void; fail: (error: unknown) => void }[];
let uploads: Uploads;
let content: NodeDocument;

beforeEach(() => {
  transfers = [];
  content = new NodeDocument(new Y.Doc());
  uploads = new Uploads({
    start: (_, { name }) => ({
      run: (watch) =>
        new Promise<StoredFile>((resolve, reject) => {
          transfers.push({ watch, arrive: () => resolve(aFile({ filename: name })), fail: reject });
        }),
      abandon() {},
    }),
    putIntoNode: async () => {},
    onUnseenFailure() {},
  });
  vi.stubGlobal("fetch", async (url: string) =>
    url.includes("/projects/")
      ? Response.json({ id: "p", orgId: "org" })
      : Response.json(aFile({ hasText: false })),
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Inputs() {
  useUploadsInto("node", content, "ada");
  return <Items nodeId="node" side="inputs" content={content} awareness={new Awareness(content.doc)} />;
}

function show(canEdit = true) {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <UploadsContext value={uploads}>
          <CanvasScopeContext value={{ userId: "ada", projectId: "p" } as CanvasScope}>
            <CanEditContext value={canEdit}>
              <Inputs />
            </CanEditContext>
          </CanvasScopeContext>
        </UploadsContext>
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const inputs = () =>
  sortedItems(content.inputs).map((item) => [item.get("type"), item.get("label"), fileOf(item)]);

async function drop(...files: File[]) {
  await screen.findByRole("button", { name: "Add files to the inputs" });
  fireEvent.drop(screen.getByRole("list", { name: "Inputs" }), {
    dataTransfer: { types: ["Files"], files, items: [] },
  });
}

it("adds a dropped file to the document once the server has confirmed it", async () => {
  show();
  await drop(new File(["12345"], "report.pdf"));
  const progress = screen.getByRole("progressbar", { name: "Upload of report.pdf" }) as HTMLProgressElement;
  transfers[0]?.watch.onSent(2);
  await waitFor(() => expect(progress.value).toBe(2));
  expect(inputs()).toEqual([]);
  transfers[0]?.arrive();
  await waitFor(() => expect(inputs()).toEqual([["file", "report.pdf", "file"]]));
  expect(await screen.findByRole("button", { name: "Download report.pdf" })).toBeTruthy();
  await waitFor(() => expect(screen.queryByRole("progressbar")).toBeNull());
});

it("says why an upload failed, and offers to try again where that can help", async () => {
  show();
  await drop(new File(["1"], "a.bin"), new File(["2"], "b.bin"));
  transfers[0]?.fail(new ApiError(413, "PAYLOAD_TOO_LARGE", "A file may have 100 MiB."));
  transfers[1]?.fail(new ApiError(0, "UNREACHABLE", "The connection was lost on the way."));
  expect(await screen.findByText(/A file may have 100 MiB/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Try to upload a.bin again" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Dismiss a.bin" }));
  expect(screen.queryByText(/a\.bin/)).toBeNull();
  fireEvent.click(await screen.findByRole("button", { name: "Try to upload b.bin again" }));
  await waitFor(() => expect(transfers).toHaveLength(3));
  fireEvent.click(screen.getByRole("button", { name: "Cancel the upload of b.bin" }));
  expect(transfers[2]?.watch.signal.aborted).toBe(true);
  expect(inputs()).toEqual([]);
});

it("offers viewers to look and to download, and nothing to add", async () => {
  content.addItem("inputs", { kind: "file", label: "report.pdf", fileId: "file" }, null);
  show(false);
  expect(await screen.findByRole("button", { name: "Download report.pdf" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /Add/ })).toBeNull();
  fireEvent.drop(screen.getByRole("list", { name: "Inputs" }), {
    dataTransfer: { types: ["Files"], files: [new File(["1"], "a")], items: [] },
  });
  expect(transfers).toEqual([]);
});
