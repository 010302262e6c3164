import { useQueryClient } from "@tanstack/react-query";
import { fileKeys } from "../api/files";
import { useProjectEvents } from "../events/project-feed";

/** Reads anew what is known of files when the server says that it changed. */
export function useFollowedFiles(): void {
  const queries = useQueryClient();
  useProjectEvents({
    types: ["file_uploaded", "file_processed", "file_deleted"],
    onEvent({ payload }) {
      if (typeof payload.fileId === "string")
        void queries.invalidateQueries({ queryKey: fileKeys.one(payload.fileId) });
      void queries.invalidateQueries({ queryKey: fileKeys.all });
    },
    onGap() {
      for (const queryKey of [fileKeys.each, fileKeys.all]) void queries.invalidateQueries({ queryKey });
    },
  });
}
