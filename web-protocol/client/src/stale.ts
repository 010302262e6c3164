import * as Y from "yjs";

import type { StaleReplica } from "./api.js";
import { Subject } from "./observable.js";
import type { LocalCopy, StaleRecord } from "./persistence.js";

/** The replicas of one document that were set aside; offers the oldest. */
export class StaleReplicas {
  readonly oldest = new Subject<StaleReplica | null>(null);
  readonly #all: StaleReplica[] = [];

  /** Sets a replica aside that is in memory. `stored` resolves to what deletes it on disk, or `null`. */
  add(
    doc: Y.Doc,
    epoch: number | null,
    unconfirmed: number,
    stored: Promise<(() => Promise<void>) | null>,
  ): void {
    const discard = async (): Promise<void> => (await stored)?.();
    this.#add({ epoch, unconfirmed, export: () => Y.encodeStateAsUpdate(doc) }, discard);
  }

  /** Adds those that an earlier page set aside. */
  load(local: LocalCopy): void {
    for (const record of local.stale) this.#add(described(record), () => local.discardStale(record.key));
  }

  #add(replica: Omit<StaleReplica, "discard">, discard: () => Promise<void>): void {
    const full: StaleReplica = {
      ...replica,
      discard: async () => {
        await discard();
        const index = this.#all.indexOf(full);
        if (index >= 0) this.#all.splice(index, 1);
        this.#offer();
      },
    };
    this.#all.push(full);
    this.#offer();
  }

  #offer(): void {
    this.oldest.set(this.#all[0] ?? null);
  }
}

function described({ epoch, edits, update }: StaleRecord): Omit<StaleReplica, "discard"> {
  return { epoch, unconfirmed: edits, export: () => update };
}
