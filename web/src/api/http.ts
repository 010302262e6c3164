import { session } from "./session";
import type { Problem } from "./types";

/** A request that was not answered with success. `code` is the server's stable code, or `UNREACHABLE`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: { field: string; message: string }[];
  /** After how many seconds it makes sense to ask again; null: the server did not say. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    fields: ApiError["fields"] = [],
    retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }
}

const BASE = "/api/v1";

/** Sends a request to the REST interface and returns the decoded answer. A 401 ends the session. */
export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<T> {
  const response = await answered(method, path, body, { Accept: "application/json", ...more }, signal);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** Reads what is no JSON. */
export async function requestBytes(path: string): Promise<Uint8Array> {
  const response = await answered("GET", path, undefined, { Accept: "application/octet-stream" });
  return new Uint8Array(await response.arrayBuffer());
}

/** A text, or its beginning. */
export interface Excerpt {
  text: string;
  /** Whether there is more of it. */
  isCut: boolean;
}

/** Reads a text up to about `limit` characters; what is behind them is not fetched. */
export async function requestText(path: string, limit: number, signal?: AbortSignal): Promise<Excerpt> {
  const response = await answered("GET", path, undefined, { Accept: "text/plain" }, signal);
  const pieces = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await pieces?.read(); piece && !piece.done; piece = await pieces?.read()) {
    text += decoder.decode(piece.value, { stream: true });
    if (text.length <= limit) continue;
    void pieces?.cancel();
    return { text: text.slice(0, limit), isCut: true };
  }
  return { text: text + decoder.decode(), isCut: false };
}

async function answered(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  const token = session.get()?.token;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await send(BASE + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  if (response.status === 401 && session.get()?.token === token) session.end();
  if (!response.ok) throw await failure(response);
  return response;
}

/** A path with a query, of which what is null or empty is left out. */
export function withQuery(path: string, query: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  if (given.length === 0) return path;
  return `${path}${path.includes("?") ? "&" : "?"}${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(
      0,
      "UNREACHABLE",
      "The server cannot be reached. Check the connection, then try again.",
    );
  }
}

async function failure(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  const message = problem?.detail ?? problem?.title ?? `The server answered ${response.status}.`;
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(
    response.status,
    problem?.code ?? "UNKNOWN",
    message,
    problem?.errors ?? [],
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

/** What went wrong, in words for a person. What is wrong with the fields of these names is said elsewhere. */
export function messageOf(error: unknown, saidElsewhere: readonly string[] = []): string {
  if (!(error instanceof ApiError)) return "Something unexpected happened. Nothing was changed; try again.";
  const rest = error.fields.filter(({ field }) => !saidElsewhere.some((name) => isWithin(field, name)));
  return [error.message, ...rest.map(({ message }) => message)].join(" ");
}

/** What is wrong with a field, or with parts of it, in words for a person. Empty: nothing. */
export function fieldMessageOf(error: unknown, name: string): string {
  if (!(error instanceof ApiError)) return "";
  const messages = error.fields.filter(({ field }) => isWithin(field, name)).map(({ message }) => message);
  return messages.map((message) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`).join(" ");
}

/** Whether a path such as `events.0` is of the field of this name. */
function isWithin(path: string, name: string): boolean {
  return path === name || path.startsWith(`${name}.`);
}
