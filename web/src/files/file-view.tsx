import { useState } from "react";
import { isOutOfReach, type StoredFile, useFile } from "../api/files";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Pill } from "../ui/status-pill";
import { FilePreview } from "./preview";
import { TextDialog } from "./text-dialog";
import { useDownload } from "./use-download";
import { fileIcon, kindWords, sizeWords, stateOf } from "./words";

/** What a file is, how far it was read, what it looks like, and its text and bytes. */
export function FileById({ id }: { id: string | null }) {
  const file = useFile(id);
  if (id === null) return <p className="text-[13px] text-muted">No file is named here.</p>;
  if (isOutOfReach(file.error)) {
    return (
      <p className="text-[13px] text-muted">This file was deleted, or it has not been shared with you.</p>
    );
  }
  return (
    <Loaded what="The file" query={file} lines={1}>
      {(known) => <FileView file={known} />}
    </Loaded>
  );
}

function FileView({ file }: { file: StoredFile }) {
  const [isReading, setIsReading] = useState(false);
  const { download, isPending } = useDownload();
  const { filename, hasText, processingStatus } = file;
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="flex min-w-0 flex-1 items-center gap-2 text-muted">
          <Icon name={fileIcon(file.contentType)} />
          <span className="min-w-0">
            <span className="block truncate text-[13px] text-ink" title={filename}>
              {filename}
            </span>
            <span className="block text-xs">{aboutWords(file)}</span>
          </span>
        </span>
        <span role="status">
          <StatePill file={file} />
        </span>
        {hasText && (
          <Button look="quiet" aria-label={`Open the text of ${filename}`} onClick={() => setIsReading(true)}>
            <Icon name="text" /> Text
          </Button>
        )}
        {processingStatus !== "uploading" && (
          <Button
            aria-label={`Download ${filename}`}
            disabled={isPending}
            onClick={() => download(file.id, filename)}
          >
            <Icon name="download" /> Download
          </Button>
        )}
      </div>
      <Unread file={file} />
      <FilePreview file={file} />
      <TextDialog file={file} open={isReading} onClose={() => setIsReading(false)} />
    </div>
  );
}

/** How far a file is. */
export function StatePill({ file }: { file: StoredFile }) {
  const { words, look } = stateOf(file);
  return <Pill look={look}>{words}</Pill>;
}

/** Why there is no text of a file, or not all of it. */
function Unread({ file }: { file: StoredFile }) {
  if (file.processingStatus === "failed") {
    return (
      <p className="text-[13px] text-danger">
        Its text could not be read{file.processingError ? `: ${file.processingError}` : ""}. The file itself
        is safe, and can be downloaded.
      </p>
    );
  }
  if (!file.textTruncated) return null;
  return <p className="text-xs text-muted">It is so long that only the beginning of its text was read.</p>;
}

/** "PDF · 1.2 MB". */
export function aboutWords(file: StoredFile): string {
  return [kindWords(file), file.sizeBytes === null ? "" : sizeWords(file.sizeBytes)]
    .filter(Boolean)
    .join(" · ");
}
