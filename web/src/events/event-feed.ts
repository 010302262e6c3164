import { session } from "../api/session";
import { StreamReader } from "./event-source";

/** Something that happened on the server. */
export interface ServerEvent {
  id: string;
  type: string;
  projectId: string | null;
  nodeId: string | null;
  payload: Record<string, unknown>;
}

export interface FeedListener {
  onEvent: (event: ServerEvent) => void;
  /** Something may have been missed: what is known has to be asked for anew. */
  onGap: () => void;
}

/** Between two attempts, unless the server says otherwise. */
const RETRY_MS = 3_000;
/** Answers after which it is of no use to ask again. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 403, 404, 406]);
const GONE = 410;

/** Follows a stream of events until `stop` is called. It goes on where it was after a connection was lost. */
export function followEvents(path: string, types: readonly string[], listener: FeedListener): () => void {
  const stopping = new AbortController();
  void follow(`/api/v1${path}?types=${types.join(",")}`, listener, stopping.signal);
  return () => stopping.abort();
}

async function follow(url: string, listener: FeedListener, stopping: AbortSignal): Promise<void> {
  let last: string | null = null;
  let retryMs = RETRY_MS;
  for (let attempt = 0; !stopping.aborted; attempt += 1) {
    if (attempt > 0) await pause(retryMs, stopping);
    try {
      const response = await open(url, last, stopping);
      if (FINAL.has(response.status)) return;
      if (response.status === GONE) last = null;
      if (!response.ok || !response.body) continue;
      // Without a place to go on from, what happened before is not in the stream.
      if (attempt > 0 && last === null) listener.onGap();
      for await (const message of messagesOf(response.body)) {
        last = message.id ?? last;
        retryMs = message.retryMs ?? retryMs;
        const event = message.data === null ? null : eventOf(message.data);
        if (event) listener.onEvent(event);
      }
    } catch {
      // The connection was lost: it is tried again.
    }
  }
}

function open(url: string, last: string | null, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  const token = session.get()?.token;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (last !== null) headers["Last-Event-ID"] = last;
  return fetch(url, { headers, signal });
}

async function* messagesOf(body: ReadableStream<Uint8Array>) {
  const reader = new StreamReader();
  const decoder = new TextDecoder();
  const pieces = body.getReader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
    yield* reader.read(decoder.decode(piece.value, { stream: true }));
  }
}

/** An event, if a text is one. */
export function eventOf(text: string): ServerEvent | null {
  try {
    const value = JSON.parse(text) as Partial<ServerEvent> | null;
    if (typeof value?.id !== "string" || typeof value.type !== "string") return null;
    return {
      id: value.id,
      type: value.type,
      projectId: value.projectId ?? null,
      nodeId: value.nodeId ?? null,
      payload: typeof value.payload === "object" && value.payload !== null ? value.payload : {},
    };
  } catch {
    return null;
  }
}

function pause(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    stopping.addEventListener("abort", () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
