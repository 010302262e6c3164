import { useEffect, useState } from "react";
import { fetchDownloadUrl, type StoredFile, useFileText } from "../api/files";
import { bareType } from "./words";

/** Pictures that hold nothing but pixels. Others (SVG, say) can hold what a browser would run. */
const SHOWN_TYPES: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
]);
const SHOWN_BYTES_AT_MOST = 10 * 1024 * 1024;
/** How much of a text is fetched for its first lines. */
const BEGINNING = 600;

/** What a file looks like: the picture, or the first lines of its text. */
export function FilePreview({ file }: { file: StoredFile }) {
  return isPicture(file) ? <Picture file={file} /> : <Beginning file={file} />;
}

/** Whether a file is shown as a picture. */
export function isPicture({ contentType, sizeBytes, processingStatus }: StoredFile): boolean {
  const isHere = processingStatus !== "uploading" && sizeBytes !== null && sizeBytes <= SHOWN_BYTES_AT_MOST;
  return isHere && SHOWN_TYPES.has(bareType(contentType));
}

function Picture({ file }: { file: StoredFile }) {
  const [url, setUrl] = useState<string | null>(null);
  const { id, contentType } = file;
  useEffect(() => {
    const stopping = new AbortController();
    let made: string | null = null;
    const show = (picture: Blob) => {
      if (stopping.signal.aborted) return;
      made = URL.createObjectURL(picture);
      setUrl(made);
    };
    // Without its picture a file is still named, and can be downloaded.
    fetchPicture(id, contentType, stopping.signal).then(show, () => {});
    return () => {
      stopping.abort();
      setUrl(null);
      if (made) URL.revokeObjectURL(made);
    };
  }, [id, contentType]);
  if (!url) return null;
  return (
    <img
      src={url}
      alt={`Preview of ${file.filename}`}
      onError={() => setUrl(null)}
      className="max-h-64 max-w-full justify-self-start rounded-lg border border-line object-contain"
    />
  );
}

/** The bytes of a picture, under the type that was found safe, whatever the store calls them. */
async function fetchPicture(id: string, contentType: string, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(await fetchDownloadUrl(id), { signal, credentials: "omit" });
  if (!response.ok) throw new Error(`the store answered ${response.status}`);
  return new Blob([await response.arrayBuffer()], { type: bareType(contentType) });
}

function Beginning({ file }: { file: StoredFile }) {
  const text = useFileText(file, BEGINNING).data?.text.trim();
  if (!text) return null;
  return (
    <p className="line-clamp-4 rounded-lg bg-sunken px-3 py-2 text-[13px] break-words whitespace-pre-wrap text-muted">
      {text}
    </p>
  );
}
