import type { FileState, StoredFile } from "../api/files";
import type { IconName } from "../ui/icon";
import type { StatusLook } from "../ui/status-pill";

const UNITS = ["KB", "MB", "GB", "TB"] as const;
const STEP = 1024;

/** "1.2 MB", of bytes. */
export function sizeWords(bytes: number): string {
  if (bytes < STEP) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  let size = bytes / STEP;
  let unit = 0;
  // What would be rounded up to a whole step is said in the next unit.
  while (size >= STEP - 0.5 && unit < UNITS.length - 1) {
    size /= STEP;
    unit += 1;
  }
  return `${size < 9.95 ? size.toFixed(1).replace(/\.0$/, "") : Math.round(size)} ${UNITS[unit]}`;
}

const KNOWN_KINDS: Record<string, string> = {
  "application/pdf": "PDF",
  "application/json": "JSON",
  "application/zip": "ZIP archive",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word document",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel sheet",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint slides",
  "application/vnd.oasis.opendocument.text": "OpenDocument text",
  "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument sheet",
  "text/plain": "Text",
  "text/markdown": "Markdown",
  "text/csv": "CSV table",
  "text/html": "HTML",
};
const FAMILIES: Record<string, string> = { image: "image", audio: "audio", video: "video", text: "text" };

type Kind = Pick<StoredFile, "contentType" | "filename">;

/** What sort of file it is: "PDF", "PNG image", by its type, else by the end of its name. */
export function kindWords({ contentType, filename }: Kind): string {
  const type = bareType(contentType);
  const known = KNOWN_KINDS[type];
  if (known) return known;
  const [family = "", form = ""] = type.split("/");
  const word = FAMILIES[family];
  if (word) return `${form.replace(/^x-|\+.*$/g, "").toUpperCase()} ${word}`;
  const ending = /\.([a-z0-9]{1,8})$/i.exec(filename)?.[1];
  return ending ? `${ending.toUpperCase()} file` : "File";
}

/** A content type without its parameters, in lower case. */
export function bareType(contentType: string): string {
  return contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The icon for a content type. */
export function fileIcon(contentType: string): IconName {
  const type = bareType(contentType);
  if (type.startsWith("image/")) return "image";
  if (type === "text/csv" || type === "application/json" || type.includes("sheet")) return "data";
  return type.startsWith("text/") ? "text" : "file";
}

export const STATE_WORDS: Record<FileState, string> = {
  uploading: "Not uploaded",
  pending: "Waits to be read",
  processing: "Being read",
  complete: "Read",
  failed: "Could not be read",
};
const STATE_LOOKS: Record<FileState, StatusLook> = {
  uploading: "quiet",
  pending: "info",
  processing: "info",
  complete: "good",
  failed: "danger",
};

/** How far a file is, in few words, and the colour for it. */
export function stateOf(file: Pick<StoredFile, "processingStatus" | "hasText">): {
  words: string;
  look: StatusLook;
} {
  const { processingStatus, hasText } = file;
  if (processingStatus === "complete" && !hasText) return { words: "No text in it", look: "quiet" };
  return { words: STATE_WORDS[processingStatus], look: STATE_LOOKS[processingStatus] };
}
