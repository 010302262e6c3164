import type { ClientOptions, ClientStatus, OpenOptions, Principal, Provider } from "./api.js";
import type { ErrorInfo } from "./errors.js";
import type { Observable } from "./observable.js";

export type * from "./api.js";
export { GlassBoxError } from "./errors.js";
export type { ClientErrorCode, ErrorInfo } from "./errors.js";
export type { Observable } from "./observable.js";

/** One connection to a GlassBox server, shared by all documents that are opened through it. */
export declare class GlassBoxClient {
  /** Connects at once. */
  constructor(options: ClientOptions);
  readonly status: Observable<ClientStatus>;
  /** Who we are, from the server; kept while reconnecting. */
  readonly principal: Observable<Principal | null>;
  /** Why we are not connected, or `null`. */
  readonly error: Observable<ErrorInfo | null>;
  /** Opens a document. The same name again gives the same provider; each `open` needs one `close`. */
  open(name: string, options?: OpenOptions): Provider;
  /** Connects anew now: after a sign-in, or when the user does not want to wait. */
  reconnect(): void;
  /** Detaches all documents and closes the connection for good. */
  close(): void;
}

/** Documents whose local copy holds edits that no receipt covers: open them to have them saved. */
export declare function unsavedDocuments(prefix?: string): Promise<{ name: string; unconfirmed: number }[]>;

/** Deletes every local copy under a prefix, for instance when a user signs out. No document may be open with it. */
export declare function deleteLocalCopies(prefix?: string): Promise<void>;
