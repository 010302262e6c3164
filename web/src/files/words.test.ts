import { expect, it } from "vitest";
import { aFile } from "./fixtures";
import { fileIcon, kindWords, sizeWords, stateOf } from "./words";

it("says sizes as people read them", () => {
  const words = [0, 1, 1023, 1024, 1536, 1024 * 1024 - 1, 10 * 1024 * 1024, 100 * 1024 * 1024, 3 * 1024 ** 3];
  expect(words.map(sizeWords)).toEqual([
    "0 bytes",
    "1 byte",
    "1023 bytes",
    "1 KB",
    "1.5 KB",
    "1 MB",
    "10 MB",
    "100 MB",
    "3 GB",
  ]);
});

it("names a kind by the type, else by the end of the name", () => {
  const kind = (contentType: string, filename = "x") => kindWords({ contentType, filename });
  expect(kind("application/pdf")).toBe("PDF");
  expect(kind("text/plain; charset=utf-8")).toBe("Text");
  expect(kind("image/svg+xml")).toBe("SVG image");
  expect(kind("application/octet-stream", "drawing.dwg")).toBe("DWG file");
  expect(kind("application/octet-stream", "README")).toBe("File");
  expect(["image/png", "text/csv", "text/markdown", "video/mp4"].map(fileIcon)).toEqual([
    "image",
    "data",
    "text",
    "file",
  ]);
});

it("tells a file that was read from one that has no text", () => {
  expect(stateOf(aFile()).words).toBe("Read");
  expect(stateOf(aFile({ hasText: false })).words).toBe("No text in it");
  expect(stateOf(aFile({ processingStatus: "processing", hasText: false })).words).toBe("Being read");
  expect(stateOf(aFile({ processingStatus: "failed", hasText: false })).look).toBe("danger");
});
