import { reachable, type StoredFile } from "../api/files";
import { ApiError, request } from "../api/http";
import { patiently } from "../api/patience";
import { worthRetrying } from "../api/queries";
import { putBytes } from "./put-bytes";

/** For whom a file is. */
export interface Owner {
  orgId: string;
  projectId: string;
}

interface Ticket {
  fileId: string;
  uploadUrl: string;
  uploadHeaders: Record<string, string>;
}

export interface TransferWatch {
  /** How many bytes are on their way. */
  onSent: (bytes: number) => void;
  /** All bytes are sent, and the server looks at them. */
  onConfirming: () => void;
  signal: AbortSignal;
}

/**
 * Whether trying again could help: also when the server does not know what is to be confirmed, or has no bytes of it,
 * since then the file is announced and sent anew.
 */
export function worthSendingAgain(error: unknown): boolean {
  const isLost = error instanceof ApiError && (error.status === 404 || error.code === "FILE_NOT_UPLOADED");
  return isLost || worthRetrying(0, error);
}

/** The way of one file to the server: it is announced, sent to the store, and confirmed. */
export class Transfer {
  readonly #owner: Owner;
  readonly #file: File;
  #fileId: string | null = null;
  #isSent = false;

  constructor(owner: Owner, file: File) {
    this.#owner = owner;
    this.#file = file;
  }

  /** Goes the whole way. After a failure it may be called again, and does not send again what has arrived. */
  async run({ onSent, onConfirming, signal }: TransferWatch): Promise<StoredFile> {
    if (!this.#isSent) await this.#send(onSent, signal);
    onConfirming();
    try {
      return await patiently(() => this.#confirm(signal), signal);
    } catch (error) {
      this.#isSent = worthRetrying(0, error);
      throw error;
    }
  }

  /** Takes back what was announced, as far as the server can be reached: it removes what is never confirmed. */
  abandon(): void {
    if (this.#fileId) void request("DELETE", `/files/${this.#fileId}`).catch(() => {});
    this.#fileId = null;
    this.#isSent = false;
  }

  async #send(onSent: TransferWatch["onSent"], signal: AbortSignal): Promise<void> {
    this.abandon();
    const { name, type, size } = this.#file;
    const { orgId, projectId } = this.#owner;
    const announced = { filename: name, contentType: type || undefined, sizeBytes: size, projectId };
    const announce = () => request<Ticket>("POST", `/orgs/${orgId}/files/upload`, announced, {}, signal);
    const ticket = await patiently(announce, signal);
    this.#fileId = ticket.fileId;
    const destination = { url: reachable(ticket.uploadUrl), headers: ticket.uploadHeaders };
    await putBytes(destination, this.#file, onSent, signal);
    this.#isSent = true;
  }

  #confirm(signal: AbortSignal): Promise<StoredFile> {
    return request<StoredFile>("POST", `/files/${this.#fileId}/confirm`, undefined, {}, signal);
  }
}
