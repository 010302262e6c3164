/** A message of a stream of server-sent events. */
export interface StreamMessage {
  /** Null: it is no event, but says how far the stream has come, or when to come back. */
  data: string | null;
  type: string;
  id: string | null;
  retryMs: number | null;
}

/** Reads server-sent events from pieces of text as they come (WHATWG HTML, 9.2.6). */
export class StreamReader {
  #rest = "";

  /** The messages that are whole by now. */
  read(piece: string): StreamMessage[] {
    const parts = (this.#rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = parts.pop() ?? "";
    return parts.map(messageOf);
  }
}

function messageOf(text: string): StreamMessage {
  const message: StreamMessage = { data: null, type: "message", id: null, retryMs: null };
  for (const line of text.split("\n")) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "data") message.data = message.data === null ? value : `${message.data}\n${value}`;
    else if (field === "event") message.type = value;
    else if (field === "id") message.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) message.retryMs = Number(value);
  }
  return message;
}
