import type { Provider, Replica } from "@glassbox/client";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { Value } from "../lib/external-store";

/** The pauses before a document that the server did not know is asked for again; the last one repeats. */
const PAUSES_MS = [500, 1_000, 2_000, 10_000] as const;

/** What opens and closes documents. */
export interface Opener {
  /** Opens a document; one that is open already keeps its own replica. */
  open(name: string, replica: Replica): Provider;
  release(provider: Provider): Promise<void>;
}

/**
 * The document of a node that is on my canvas. One that was added just now may not have reached the server: then
 * `NOT_FOUND` is no answer yet. What is written meanwhile is kept on this device, and the same replica is opened
 * anew once the canvas is saved, so that whoever is writing notices nothing.
 */
export class AwaitedDocument {
  readonly provider: Value<Provider>;
  /** Whether the server does not know the document yet. */
  readonly isAwaited = new Value(false);
  readonly #opener: Opener;
  readonly #canvas: Pick<Provider, "whenSaved">;
  readonly #awareness: Awareness;
  #unsubscribe: () => void = () => {};
  #attempts = 0;
  #isClosed = false;

  constructor(opener: Opener, name: string, canvas: Pick<Provider, "whenSaved">) {
    this.#opener = opener;
    this.#canvas = canvas;
    const doc = new Y.Doc();
    this.#awareness = new Awareness(doc);
    this.provider = new Value(opener.open(name, { doc, awareness: this.#awareness }));
    this.#watch();
  }

  destroy(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    void this.#release();
  }

  async #release(): Promise<void> {
    await this.#opener.release(this.provider.get());
    if (this.#isClosed) this.#awareness.destroy();
  }

  #watch(): void {
    const { error, access } = this.provider.get();
    const check = () => {
      if (error.value?.code === "NOT_FOUND") void this.#openAgain();
      else if (access.value !== null) this.isAwaited.set(false);
    };
    const stops = [error.subscribe(check), access.subscribe(check)];
    this.#unsubscribe = () => {
      for (const stop of stops) stop();
    };
    check();
  }

  async #openAgain(): Promise<void> {
    this.#unsubscribe();
    this.isAwaited.set(true);
    const pause = PAUSES_MS[Math.min(this.#attempts, PAUSES_MS.length - 1)];
    this.#attempts += 1;
    // Where the canvas cannot be saved the pause is all there is to wait for.
    await this.#canvas.whenSaved().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (this.#isClosed) return;
    const { name, replica } = this.provider.get();
    await this.#release();
    if (this.#isClosed) return;
    this.provider.set(this.#opener.open(name, replica.value));
    this.#watch();
  }
}
