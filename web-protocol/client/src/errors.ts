/** What went wrong, in a form that can be shown and acted upon. */
export interface ErrorInfo {
  /** Stable code: one of the protocol's (SPEC.md, G15 and G23) or of {@link ClientErrorCode}. */
  readonly code: string;
  /** One sentence for people. */
  readonly message: string;
  /** Whether the client tries again by itself. */
  readonly retry: boolean;
}

/** Codes that this package adds to those of the protocol. */
export type ClientErrorCode =
  /** `open` got another Y.Doc than the one that this document is open with. */
  | "ALREADY_OPEN"
  /** The client or the provider is closed. */
  | "CLOSED"
  /** Neither the platform nor the options have a WebSocket. */
  | "NO_WEBSOCKET"
  /** A Y.Doc with content was given and nothing says which epoch the content is of. */
  | "UNKNOWN_EPOCH"
  /** The local copy could not be read or written; the document works without one. */
  | "LOCAL_COPY_FAILED"
  /** The `token` callback failed. */
  | "TOKEN_FAILED"
  /** The `token` callback answered `null`, or the server refused the token twice. */
  | "UNAUTHORIZED"
  /** The server closed the socket, or could not be reached. */
  | "CONNECTION_LOST"
  /** The server speaks another version of the protocol. */
  | "UNSUPPORTED_PROTOCOL"
  /** The server sent what the protocol does not allow. */
  | "PROTOCOL_VIOLATION"
  /** An update of the server could not be applied, or an observer of the document threw. */
  | "APPLY_FAILED";

/** An error of this package, with a stable {@link ErrorInfo.code}. */
export class GlassBoxError extends Error implements ErrorInfo {
  readonly code: string;
  readonly retry: boolean;

  constructor(info: ErrorInfo, options?: ErrorOptions) {
    super(info.message, options);
    this.name = "GlassBoxError";
    this.code = info.code;
    this.retry = info.retry;
  }
}

/** An {@link ErrorInfo} with a code of this package. */
export function clientError(code: ClientErrorCode, message: string, retry: "retry" | "final"): ErrorInfo {
  return { code, message, retry: retry === "retry" };
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
