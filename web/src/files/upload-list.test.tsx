import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import type { StoredFile } from "../api/files";
import { ApiError } from "../api/http";
import { UploadList } from "./upload-list";
import { Uploads, type UploadTarget } from "./uploads";
import { UploadsContext } from "./uploads-context";

const TARGET: UploadTarget = { orgId: "org", projectId: "project", nodeId: "node", side: "inputs" };

afterEach(cleanup);

/** Shows an upload that fails. @returns how often it was begun */
function show(error: unknown): () => number {
  let runs = 0;
  const uploads = new Uploads({
    start: () => ({
      run: () => {
        runs += 1;
        return Promise.reject<StoredFile>(error);
      },
      abandon: () => {},
    }),
    putIntoNode: async () => {},
    onUnseenFailure: () => {},
  });
  uploads.add(TARGET, [new File(["12345"], "a.txt")]);
  render(
    <UploadsContext value={uploads}>
      <UploadList nodeId="node" side="inputs" />
    </UploadsContext>,
  );
  return () => runs;
}

const again = () => screen.queryByRole("button", { name: "Try to upload a.txt again" });

it.each([
  ["the connection was lost", new ApiError(0, "UNREACHABLE", "Gone.")],
  ["the bytes did not arrive", new ApiError(409, "FILE_NOT_UPLOADED", "No bytes have come.")],
  ["what was announced is there no more", new ApiError(404, "NOT_FOUND", "No such file.")],
])("lets one try again when %s", async (_, error) => {
  const runs = show(error);
  expect((await screen.findByRole("alert")).textContent).toBe(`a.txt was not uploaded. ${error.message}`);
  fireEvent.click(again() as HTMLElement);
  expect(runs()).toBe(2);
});

it("does not offer to try again what is refused for good", async () => {
  show(new ApiError(413, "FILE_TOO_LARGE", "Too large."));
  await screen.findByRole("alert");
  expect(again()).toBeNull();
});
