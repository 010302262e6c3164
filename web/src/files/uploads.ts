import type { StoredFile } from "../api/files";
import type { Side } from "../documents/node";
import { Value } from "../lib/external-store";
import { newId } from "../lib/id";
import type { Owner, Transfer } from "./transfer";

/** Into which list of which node a file is to come. */
export interface UploadTarget extends Owner {
  nodeId: string;
  side: Side;
}

/** A file on its way into a node. */
export interface Upload {
  id: string;
  target: UploadTarget;
  name: string;
  sizeBytes: number;
  phase: "waiting" | "sending" | "confirming" | "failed";
  sentBytes: number;
  /** Why it failed. */
  error: unknown;
}

/** Adds a file that has arrived to a list of a node. */
export type PutIntoList = (side: Side, file: StoredFile) => void;

interface Way {
  transfer: Pick<Transfer, "run" | "abandon">;
  stopping: AbortController;
}

interface UploadsOptions {
  start: (target: UploadTarget, file: File) => Way["transfer"];
  /** Adds a file to a node that is not open, unless it is stopped before. */
  putIntoNode: (target: UploadTarget, file: StoredFile, signal: AbortSignal) => Promise<void>;
  /** An upload failed while nobody looked at it. */
  onUnseenFailure: (upload: Upload) => void;
}

/** How many files are sent at the same time. */
const AT_ONCE = 3;
/** How many files may wait, be sent, or have failed. */
export const UPLOADS_AT_MOST = 100;

/** The files that are on their way into nodes, also those of nodes that were closed meanwhile. */
export class Uploads {
  readonly list = new Value<readonly Upload[]>([]);
  readonly #options: UploadsOptions;
  readonly #ways = new Map<string, Way>();
  readonly #openNodes = new Map<string, PutIntoList>();

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Ends what is under way. */
  destroy(): void {
    for (const { id } of this.list.get()) this.cancel(id);
  }

  /** Begins with as many files as there is room for. @returns how many those are */
  add(target: UploadTarget, files: readonly File[]): number {
    const taken = files.slice(0, Math.max(0, UPLOADS_AT_MOST - this.list.get().length));
    const uploads = taken.map((file): Upload => {
      const id = newId();
      const transfer = this.#options.start(target, file);
      this.#ways.set(id, { transfer, stopping: new AbortController() });
      const { name, size: sizeBytes } = file;
      return { id, target, name, sizeBytes, phase: "waiting", sentBytes: 0, error: null };
    });
    this.list.set([...this.list.get(), ...uploads]);
    this.#next();
    return taken.length;
  }

  cancel(id: string): void {
    const way = this.#ways.get(id);
    this.#remove(id);
    way?.stopping.abort();
    way?.transfer.abandon();
    this.#next();
  }

  retry(id: string): void {
    this.#change(id, { phase: "waiting", error: null });
    this.#next();
  }

  /** A node is open: files that arrive for it are added by `put`, until the returned function is called. */
  attach(nodeId: string, put: PutIntoList): () => void {
    this.#openNodes.set(nodeId, put);
    return () => {
      if (this.#openNodes.get(nodeId) === put) this.#openNodes.delete(nodeId);
    };
  }

  #next(): void {
    const list = this.list.get();
    const busy = list.filter(({ phase }) => phase === "sending" || phase === "confirming").length;
    const waiting = list.filter(({ phase }) => phase === "waiting");
    for (const upload of waiting.slice(0, Math.max(0, AT_ONCE - busy))) void this.#run(upload);
  }

  async #run({ id, target }: Upload): Promise<void> {
    const way = this.#ways.get(id);
    if (!way) return;
    this.#change(id, { phase: "sending", sentBytes: 0 });
    try {
      const file = await way.transfer.run({
        onSent: (sentBytes) => this.#change(id, { sentBytes }),
        onConfirming: () => this.#change(id, { phase: "confirming" }),
        signal: way.stopping.signal,
      });
      if (way.stopping.signal.aborted) return;
      await this.#put(target, file, way.stopping.signal);
      this.#remove(id);
    } catch (error) {
      if (!way.stopping.signal.aborted) this.#fail(id, error);
    }
    this.#next();
  }

  async #put(target: UploadTarget, file: StoredFile, signal: AbortSignal): Promise<void> {
    const put = this.#openNodes.get(target.nodeId);
    if (put) put(target.side, file);
    else await this.#options.putIntoNode(target, file, signal);
  }

  #fail(id: string, error: unknown): void {
    this.#change(id, { phase: "failed", error });
    const failed = this.list.get().find((upload) => upload.id === id);
    if (failed && !this.#openNodes.has(failed.target.nodeId)) this.#options.onUnseenFailure(failed);
  }

  #change(id: string, changes: Partial<Upload>): void {
    this.list.set(this.list.get().map((upload) => (upload.id === id ? { ...upload, ...changes } : upload)));
  }

  #remove(id: string): void {
    this.#ways.delete(id);
    this.list.set(this.list.get().filter((upload) => upload.id !== id));
  }
}
