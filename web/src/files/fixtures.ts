import type { StoredFile } from "../api/files";

/** A file for tests. */
export function aFile(more: Partial<StoredFile> = {}): StoredFile {
  return {
    id: "file",
    organizationId: "org",
    projectId: "project",
    filename: "report.pdf",
    contentType: "application/pdf",
    sizeBytes: 1_300_000,
    processingStatus: "complete",
    processingError: null,
    hasText: true,
    textTruncated: false,
    uploadedBy: "ada",
    executionId: null,
    createdAt: "2026-11-21T12:00:00Z",
    updatedAt: "2026-11-21T12:00:00Z",
    downloadUrl: "http://elsewhere.example/api/v1/blobs/file?signature=1",
    ...more,
  };
}
