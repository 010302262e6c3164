import {
  type Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";

import type { ChannelLink } from "./channels.js";

interface Changes {
  readonly added: number[];
  readonly updated: number[];
  readonly removed: number[];
}

/** Syncs the presence of one document over one channel at a time. The server says who `user` is (SPEC.md, P1). */
export class Presence {
  #link: ChannelLink | null = null;
  #restingState: Record<string, unknown> | null = null;

  constructor(
    readonly awareness: Awareness,
    readonly origin: object,
  ) {
    awareness.on("update", this.#changed);
  }

  /**
   * Publishes our state on a channel that was just subscribed, with a clock that nobody has seen: a first state has
   * the clock 0, and one that was removed on detach its old one, and peers ignore both. The Awareness renews it (P5).
   */
  attach(link: ChannelLink): void {
    this.#link = link;
    const state = this.awareness.getLocalState();
    if (state !== null) this.awareness.setLocalState(state);
  }

  /** Forgets the others: what they do is not known any more. */
  detach(): void {
    this.#link = null;
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.awareness.clientID);
    removeAwarenessStates(this.awareness, others, this.origin);
    // Else a state that comes back with the clock it had would be taken for an old one.
    for (const id of this.awareness.meta.keys()) {
      if (id !== this.awareness.clientID) this.awareness.meta.delete(id);
    }
  }

  /** Applies the server's awareness update. */
  receive(update: Uint8Array): void {
    applyAwarenessUpdate(this.awareness, update, this.origin);
  }

  /** Takes our state back, until {@link resume}. */
  pause(): void {
    this.#restingState = this.awareness.getLocalState();
    this.awareness.setLocalState(null);
  }

  resume(): void {
    const state = this.#restingState;
    this.#restingState = null;
    if (state && this.awareness.getLocalState() === null) this.awareness.setLocalState(state);
  }

  /** Lets go of the Awareness, as it would be without us. */
  destroy(): void {
    this.detach();
    this.awareness.off("update", this.#changed);
    this.resume();
  }

  // Also when the server removed our state: the Awareness then raised our clock, to say that we are still here.
  readonly #changed = ({ added, updated, removed }: Changes): void => {
    const own = this.awareness.clientID;
    if ([added, updated, removed].some((ids) => ids.includes(own))) this.#publish();
  };

  #publish(): void {
    this.#link?.send("awareness", encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]));
  }
}
