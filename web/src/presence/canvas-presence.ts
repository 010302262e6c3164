import type { Awareness } from "y-protocols/awareness";
import { derivedStore, type Store } from "../lib/external-store";
import { type CanvasPresenceState, distinctPeople, type Peer, type Person, peersOf } from "./peers";

/** How often this window tells where its pointer is. The server sends presence every 50 ms. */
const PUBLISH_EVERY_MS = 50;

const NOBODY: readonly Person[] = [];

/** Who is on a canvas, indexed so that a card asks only about its own node. */
export class CanvasPresence {
  readonly peers: Store<readonly Peer[]>;
  /** Everybody else here, once each. */
  readonly people: Store<readonly Person[]>;
  readonly #awareness: Awareness;
  readonly #byNode: Store<ReadonlyMap<string, readonly Person[]>>;
  readonly #selectedBy: Store<ReadonlyMap<string, Person>>;
  #pending: Partial<CanvasPresenceState> = {};
  #timer: number | null = null;

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
    const watch = (changed: () => void) => {
      awareness.on("change", changed);
      return () => awareness.off("change", changed);
    };
    this.peers = derivedStore(watch, () => peersOf(awareness));
    this.people = derivedStore(this.peers.subscribe, () => distinctPeople(this.peers.get()));
    this.#byNode = derivedStore(this.peers.subscribe, () => byNode(this.peers.get()));
    this.#selectedBy = derivedStore(this.peers.subscribe, () => selectedBy(this.peers.get()));
  }

  /** Who is inside a node. */
  facesOf(nodeId: string): Store<readonly Person[]> {
    return derivedStore(this.#byNode.subscribe, () => this.#byNode.get().get(nodeId) ?? NOBODY);
  }

  /** Somebody who has selected a node. */
  selectorOf(nodeId: string): Store<Person | null> {
    const read = () => this.#selectedBy.get().get(nodeId) ?? null;
    return derivedStore(this.#selectedBy.subscribe, read);
  }

  /** Tells the others, at most once per tick. */
  publish(change: Partial<CanvasPresenceState>): void {
    Object.assign(this.#pending, change);
    this.#timer ??= window.setTimeout(this.#flush, PUBLISH_EVERY_MS);
  }

  destroy(): void {
    if (this.#timer !== null) window.clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #flush = () => {
    this.#timer = null;
    const state = this.#awareness.getLocalState();
    if (state) this.#awareness.setLocalState({ ...state, ...this.#pending });
    this.#pending = {};
  };
}

function byNode(peers: readonly Peer[]): Map<string, readonly Person[]> {
  const inside = new Map<string, Peer[]>();
  for (const peer of peers) {
    if (peer.viewing === null) continue;
    const known = inside.get(peer.viewing);
    if (known) known.push(peer);
    else inside.set(peer.viewing, [peer]);
  }
  return new Map([...inside].map(([nodeId, present]) => [nodeId, distinctPeople(present)]));
}

function selectedBy(peers: readonly Peer[]): Map<string, Person> {
  const selected = new Map<string, Person>();
  for (const peer of peers) for (const id of peer.selection) selected.set(id, peer.person);
  return selected;
}
