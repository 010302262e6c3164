import { ApiError } from "../api/http";

/** Where bytes go. */
export interface Destination {
  url: string;
  headers: Readonly<Record<string, string>>;
}

/** Headers that the browser sets itself, and lets nobody else set. */
const SET_BY_BROWSER: ReadonlySet<string> = new Set(["content-length", "host"]);
const TOO_LARGE = 413;

/** Sends a file's bytes, and says how many are on their way. `fetch` does not tell this of what it sends. */
export function putBytes(
  { url, headers }: Destination,
  file: Blob,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const sending = new XMLHttpRequest();
    const stop = () => sending.abort();
    sending.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) {
      if (!SET_BY_BROWSER.has(name.toLowerCase())) sending.setRequestHeader(name, value);
    }
    sending.upload.onprogress = ({ loaded }) => onSent(loaded);
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) resolve();
      else reject(refusal(sending.status));
    };
    sending.onerror = () => reject(new ApiError(0, "UNREACHABLE", "The connection was lost on the way."));
    sending.onabort = () => reject(signal.reason);
    sending.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    sending.send(file);
  });
}

function refusal(status: number): ApiError {
  if (status === TOO_LARGE)
    return new ApiError(status, "TOO_LARGE", "The file is too large for this server.");
  // Whatever else the store says of an address: another attempt gets another one.
  return new ApiError(0, "UPLOAD_FAILED", `The store did not take the file (it answered ${status}).`);
}
