import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, request, requestText } from "./http";
import { usePages } from "./pages";

/** How far a file has come: to the store, and then to the reader of its text. */
export const FILE_STATES = ["uploading", "pending", "processing", "complete", "failed"] as const;
export type FileState = (typeof FILE_STATES)[number];

/** What is known of a file. Its bytes are at `downloadUrl`, for a short time. */
export interface StoredFile {
  id: string;
  organizationId: string;
  /** Null: it is for all members of the organization. */
  projectId: string | null;
  filename: string;
  contentType: string;
  sizeBytes: number | null;
  processingStatus: FileState;
  processingError: string | null;
  hasText: boolean;
  /** Whether there is more text in it than is kept. */
  textTruncated: boolean;
  uploadedBy: string | null;
  executionId: string | null;
  createdAt: string;
  updatedAt: string;
  downloadUrl: string | null;
}

/** How files are listed. */
export interface FileFilter {
  /** Empty: of all projects. */
  projectId: string;
  /** Empty: in any state. */
  processingStatus: FileState | "";
  sort: FileSort;
}

export const FILE_SORTS = ["-createdAt", "createdAt", "filename", "-sizeBytes"] as const;
export type FileSort = (typeof FILE_SORTS)[number];

export const fileKeys = {
  all: ["files"] as const,
  ofOrganization: (orgId: string) => ["files", orgId] as const,
  /** All that was read of single files. */
  each: ["file"] as const,
  one: (id: string | null) => ["file", id] as const,
  text: (id: string, limit: number) => ["file", id, "text", limit] as const,
};

/** How often one looks whether a file was read, besides what events say. */
const LOOK_EVERY_MS = 30_000;

/** Whether something of a file changes soon by itself. */
export function isUnderWay({ processingStatus }: Pick<StoredFile, "processingStatus">): boolean {
  return processingStatus === "pending" || processingStatus === "processing";
}

/** Whether a file is not there, or not for me. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 403);
}

function fetchFile(id: string): Promise<StoredFile> {
  return request<StoredFile>("GET", `/files/${id}`);
}

export function useFile(id: string | null) {
  return useQuery({
    queryKey: fileKeys.one(id),
    enabled: id !== null,
    queryFn: () => fetchFile(id as string),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data) ? LOOK_EVERY_MS : false),
  });
}

/** The text that was found in a file, up to about `limit` characters. */
export function useFileText(file: Pick<StoredFile, "id" | "hasText">, limit: number) {
  return useQuery({
    queryKey: fileKeys.text(file.id, limit),
    enabled: file.hasText,
    queryFn: ({ signal }) => requestText(`/files/${file.id}/text`, limit, signal),
  });
}

/** The files of an organization. */
export function useFiles(orgId: string, filter: FileFilter) {
  const key = fileKeys.ofOrganization(orgId);
  return usePages<StoredFile>(key, `/orgs/${orgId}/files`, { ...filter }, lookAgain);
}

/** After how long one looks whether a file of a list has arrived or was read; false: nothing is awaited. */
function lookAgain(files: readonly StoredFile[]): number | false {
  const isAwaited = (file: StoredFile) => file.processingStatus === "uploading" || isUnderWay(file);
  return files.some(isAwaited) ? LOOK_EVERY_MS : false;
}

/** Renames and deletes files. */
export function useFileChanges() {
  const queries = useQueryClient();
  const onSuccess = (_: unknown, { id }: { id: string }) =>
    Promise.all([
      queries.invalidateQueries({ queryKey: fileKeys.all }),
      queries.invalidateQueries({ queryKey: fileKeys.one(id) }),
    ]);
  return {
    rename: useMutation({
      mutationFn: ({ id, filename }: { id: string; filename: string }) =>
        request<StoredFile>("PATCH", `/files/${id}`, { filename }),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: ({ id }: { id: string }) => request<void>("DELETE", `/files/${id}`),
      onSuccess,
    }),
  };
}

/** Where the bytes of a file can be fetched now. */
export async function fetchDownloadUrl(id: string): Promise<string> {
  const { downloadUrl } = await fetchFile(id);
  if (downloadUrl) return reachable(downloadUrl);
  throw new ApiError(0, "NO_BYTES", "Its bytes have not arrived at the server.");
}

/**
 * An address for bytes as this page can reach it: what belongs to the REST interface is asked for where the page came
 * from, which may be known by several names.
 */
export function reachable(url: string): string {
  const { pathname, search } = new URL(url, window.location.href);
  return pathname.startsWith("/api/v1/") ? pathname + search : url;
}
