import { useQueryClient } from "@tanstack/react-query";
import { askAnew } from "../api/ask-anew";
import { fileKeys } from "../api/files";
import { useProjectEvents } from "../events/project-feed";

/** Reads anew what is known of files when the server says that it changed. */
export function useFollowedFiles(): void {
  const queries = useQueryClient();
  useProjectEvents({
    types: ["file_uploaded", "file_processed", "file_deleted"],
    onEvent({ payload }) {
      if (typeof payload.fileId === "string") void askAnew(queries, fileKeys.one(payload.fileId));
      void askAnew(queries, fileKeys.all);
    },
    onGap() {
      for (const queryKey of [fileKeys.each, fileKeys.all]) void askAnew(queries, queryKey);
    },
  });
}
