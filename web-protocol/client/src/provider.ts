import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import type { LoadProgress, OpenOptions, Provider, Repaired, Replica, SavedState } from "./api.js";
import { Assembly, type WholeFrame } from "./assembly.js";
import type { Retries } from "./backoff.js";
import type { ChannelLink, ChannelOwner, Channels, Notice } from "./channels.js";
import { DocSync } from "./doc-sync.js";
import { clientError, type ErrorInfo, GlassBoxError, messageOf } from "./errors.js";
import type { Frame } from "./frames.js";
import { epochOf, isEmpty, recordLineage, unconfirmedEditsOf } from "./lineage.js";
import type { SyncInfo } from "./messages.js";
import { type Observable, report, Subject } from "./observable.js";
import { LocalCopy, type LocalStore } from "./persistence.js";
import { Presence } from "./presence.js";
import { INITIAL, reduce, type SavedEvent, type SavedModel, savedStateOf } from "./saved-state.js";
import { StaleReplicas } from "./stale.js";

/** What a provider gets from its client. */
export interface ProviderHost {
  readonly channels: Channels;
  /** Delays before something that was refused for now is offered again. */
  readonly retries: () => Retries;
  /** Opens the store of local copies; `null`: none is wanted. */
  readonly localStore: (() => Promise<LocalStore>) | null;
  /** The provider is detached and will not be used again. */
  readonly detached: (provider: DocumentProvider) => void;
}

/** What is bound to one Y.Doc, and goes with it. */
interface Binding extends Replica {
  readonly sync: DocSync;
  readonly presence: Presence;
  readonly awarenessOwner: "application" | "provider";
}

/** One open document; see {@link Provider}. */
export class DocumentProvider implements Provider, ChannelOwner {
  readonly name: string;
  readonly replica: Observable<Replica>;
  readonly synced = new Subject(false);
  readonly saved = new Subject<SavedState>(savedStateOf(INITIAL));
  readonly access = new Subject<"write" | "read" | null>(null);
  readonly error = new Subject<ErrorInfo | null>(null);
  readonly lagging = new Subject(false);
  readonly loading = new Subject<LoadProgress | null>(null);
  readonly repaired = new Subject<Repaired | null>(null);
  readonly whenLoaded: Promise<void>;

  readonly #host: ProviderHost;
  readonly #binding: Subject<Binding>;
  readonly #staleReplicas = new StaleReplicas();
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #uses = 1;
  /** Closed by its last user, and waiting for edits to be saved. */
  #isResting = false;
  #isDetached = false;
  #wasSynced = false;
  #epoch: number | null;
  #model: SavedModel = INITIAL;
  #retries: Retries;
  /** The loading of the present replica. */
  #opening: Promise<void>;
  #local: LocalCopy | null = null;
  /** Whether the local copy is loaded, so that `#model` counts its edits. */
  #localIsLoaded = false;
  /** Unconfirmed edits in a Y.Doc of the application's. */
  #broughtEdits: number;
  #localError: ErrorInfo | null = null;
  #assembly: Assembly | null = null;
  /** Frames that wait until the epoch of the local copy is on disk. */
  #held: WholeFrame[] | null = null;

  constructor(name: string, options: OpenOptions, host: ProviderHost) {
    this.name = name;
    this.#host = host;
    this.#retries = host.retries();
    const doc = options.doc ?? new Y.Doc();
    this.#epoch = epochOf(doc, name, options.epoch);
    this.#binding = new Subject(this.#bind(doc, options.awareness));
    this.replica = this.#binding;
    this.#broughtEdits = unconfirmedEditsOf(doc);
    this.#dispatch({ type: "loaded", edits: this.#broughtEdits });
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#opening = this.#open("first");
    this.whenLoaded = this.#opening;
  }

  get doc(): Y.Doc {
    return this.#binding.value.doc;
  }

  get awareness(): Awareness {
    return this.#binding.value.awareness;
  }

  get epoch(): number | null {
    return this.#epoch;
  }

  get stale(): StaleReplicas["oldest"] {
    return this.#staleReplicas.oldest;
  }

  get whenSynced(): Promise<void> {
    return when(
      [this.synced, this.error],
      () => this.#wasSynced,
      () => this.#model.ended,
    );
  }

  whenSaved(): Promise<void> {
    return when(
      [this.saved],
      () => this.saved.value.state === "saved",
      () => (this.saved.value.state === "refused" ? this.saved.value.refusal : null),
    );
  }

  /** One more use; takes back a {@link close} that still waits for edits to be saved. */
  retain(): void {
    this.#uses += 1;
    this.#isResting = false;
    this.#binding.value.presence.resume();
  }

  close(): Promise<void> {
    if (this.#uses > 0) this.#uses -= 1;
    if (this.#uses === 0 && !this.#isDetached && !this.#isResting) {
      this.#isResting = true;
      this.#binding.value.presence.pause();
      this.flush();
      this.#detachIfDone();
    }
    return this.#closed;
  }

  /** Sends what waits now. */
  flush(): void {
    this.#binding.value.sync.flush();
  }

  /** Detaches at once, whether edits are saved or not. */
  detach(): void {
    if (this.#isDetached) return;
    this.flush();
    this.#isDetached = true;
    this.#host.channels.detach(this);
    this.detached();
    this.#unbind(this.#binding.value);
    this.#host.detached(this);
    void this.#opening.then(() => this.#local?.close()).then(this.#resolveClosed);
  }

  // What the channel tells.

  subscribed(link: ChannelLink, access: "write" | "read", { epoch }: SyncInfo): void {
    this.#assembly = new Assembly({
      receive: (frame) => this.#arrived(frame),
      progressed: (progress) => this.loading.set(this.synced.value ? null : progress),
      violated: (message) => link.violated(message),
    });
    if (this.#local && this.#local.epoch === null) void this.#recordEpoch(this.#local, epoch);
    this.#epoch = epoch;
    this.access.set(access);
    this.error.set(this.#localError);
    this.#dispatch({ type: "attached", access });
    // Presence before any answer: a client id that is published counts as ours (D6).
    this.#binding.value.presence.attach(link);
    this.#binding.value.sync.attach(link, access);
  }

  frame(frame: Frame): void {
    this.#assembly?.take(frame);
  }

  notice(notice: Notice): void {
    const { sync } = this.#binding.value;
    switch (notice.type) {
      case "refused":
        this.#dispatch({ type: "refused", frame: notice.payload.update, cause: notice.payload.cause });
        sync.refused(notice.payload.cause);
        break;
      case "saving_behind":
        this.#dispatch({ type: "behind", behind: true });
        break;
      case "saving_resumed":
        this.#dispatch({ type: "behind", behind: false });
        sync.resumed();
        break;
      case "lagging":
      case "caught_up":
        this.lagging.set(notice.type === "lagging");
        break;
      case "repaired":
        this.repaired.set({ repairs: notice.payload.repairs, more: notice.payload.more });
        break;
      case "access_changed":
        // The handshake of the new access says what becomes of edits that are not saved.
        if (notice.payload.access !== this.access.value) this.#host.channels.reopen(this);
        break;
    }
  }

  detached(): void {
    const { sync, presence } = this.#binding.value;
    this.#assembly?.stop();
    this.#assembly = null;
    this.#held = null;
    sync.detach();
    presence.detach();
    this.synced.set(false);
    this.access.set(null);
    this.lagging.set(false);
    this.loading.set(null);
    this.#dispatch({ type: "detached" });
  }

  failed(error: ErrorInfo): void {
    if (!error.retry) this.#dispatch({ type: "ended", cause: error });
    this.error.set(error);
  }

  /** History was replaced: the replica is set aside, and an empty one takes its place (SPEC.md, G7). */
  epochChanged(): void {
    const old = this.#binding.value;
    this.#unbind(old);
    const isSetAside = this.#setAside(old.doc);
    this.#epoch = null;
    this.#local = null;
    this.#localIsLoaded = false;
    this.#broughtEdits = 0;
    this.#wasSynced = false;
    this.#retries = this.#host.retries();
    this.#model = INITIAL;
    this.#dispatch({ type: "detached" });
    this.#opening = isSetAside.then(() => this.#open("next"));
    this.#binding.set(this.#bind(new Y.Doc(), undefined));
  }

  // Within.

  #bind(doc: Y.Doc, given: Awareness | undefined): Binding {
    const sync = new DocSync({
      doc,
      origin: this,
      isForeign: (origin) => this.#local?.isOrigin(origin) ?? false,
      dispatch: (event) => this.#dispatch(event),
      retries: this.#retries,
      reopen: () => this.#host.channels.reopen(this),
      failed: (error) => this.error.set(error),
    });
    doc.on("destroy", this.#docDestroyed);
    const awareness = given ?? new Awareness(doc);
    const presence = new Presence(awareness, this);
    if (this.#isResting) presence.pause();
    return { doc, awareness, sync, presence, awarenessOwner: given ? "application" : "provider" };
  }

  #unbind({ doc, sync, presence, awareness, awarenessOwner }: Binding): void {
    doc.off("destroy", this.#docDestroyed);
    recordLineage(doc, this.name, this.#epoch, this.saved.value.unconfirmed);
    sync.destroy();
    presence.destroy();
    if (awarenessOwner === "provider") awareness.destroy();
  }

  readonly #docDestroyed = (): void => this.detach();

  /** Loads the local copy, if one is wanted, then attaches. */
  async #open(which: "first" | "next"): Promise<void> {
    const { doc } = this;
    try {
      if (this.#host.localStore && !this.#localError)
        await this.#load(await this.#host.localStore(), doc, which);
    } catch (error) {
      await this.#localCopyFailed(error);
    }
    if (!this.#isDetached) this.#host.channels.attach(this);
  }

  async #load(store: LocalStore, doc: Y.Doc, which: "first" | "next"): Promise<void> {
    const local = await LocalCopy.open(store, this.name, this.#epoch, (error) =>
      this.#localCopyFailed(error),
    );
    this.#local = local;
    if (which === "first") this.#staleReplicas.load(local);
    await local.load(doc);
    this.#epoch = local.epoch;
    // What was brought along may be what the local copy has.
    this.#dispatch({ type: "loaded", edits: Math.max(0, local.unsavedEdits - this.#broughtEdits) });
    this.#localIsLoaded = true;
    local.setUnsavedEdits(this.saved.value.unconfirmed);
  }

  /** The document goes on without a local copy. */
  async #localCopyFailed(error: unknown): Promise<void> {
    const local = this.#local;
    this.#local = null;
    const message = `The document has no local copy: ${messageOf(error)}`;
    this.#localError = clientError("LOCAL_COPY_FAILED", message, "final");
    this.error.set(this.#localError);
    await local?.close();
  }

  /** Puts the epoch on disk before content of the server is merged, or ours goes there. */
  async #recordEpoch(local: LocalCopy, epoch: number): Promise<void> {
    const held: WholeFrame[] = [];
    this.#held = held;
    try {
      await local.setEpoch(epoch);
    } catch (error) {
      if (this.#local === local) await this.#localCopyFailed(error);
    }
    if (this.#held !== held) return;
    this.#held = null;
    for (const frame of held) this.#receive(frame);
  }

  #setAside(doc: Y.Doc): Promise<void> {
    const [local, epoch, edits] = [this.#local, this.#epoch, this.saved.value.unconfirmed];
    const update = isEmpty(doc) ? null : Y.encodeStateAsUpdate(doc);
    const record = update && { name: this.name, epoch, edits, update };
    const stored = (local?.setAside(record) ?? Promise.resolve(null)).then(
      (key) => (local && key !== null ? () => local.discardStale(key) : null),
      async (error: unknown) => {
        await this.#localCopyFailed(error);
        await local?.close();
        return null;
      },
    );
    if (record) this.#staleReplicas.add(doc, epoch, edits, stored);
    return stored.then(() => {});
  }

  #arrived(frame: WholeFrame): void {
    if (this.#held) this.#held.push(frame);
    else this.#receive(frame);
  }

  #receive(frame: WholeFrame): void {
    const { sync, presence } = this.#binding.value;
    switch (frame.type) {
      case "step1":
        sync.answer(frame.body);
        break;
      case "step2":
        if (sync.apply(frame.body)) {
          this.#wasSynced = true;
          this.synced.set(true);
        }
        break;
      case "update":
        sync.apply(frame.body);
        break;
      case "awareness":
        try {
          presence.receive(frame.body);
        } catch (error) {
          report(error); // an observer threw, or the state is no JSON: presence only
        }
        break;
      case "receipt":
        this.#retries.reset();
        this.#dispatch({ type: "receipt", through: frame.through });
        sync.receipted(frame.through);
        break;
    }
  }

  #dispatch(event: SavedEvent): void {
    this.#model = reduce(this.#model, event);
    const [before, now] = [this.saved.value, savedStateOf(this.#model)];
    if (this.#localIsLoaded && now.unconfirmed !== before.unconfirmed)
      this.#local?.setUnsavedEdits(now.unconfirmed);
    if (
      now.state === before.state &&
      now.unconfirmed === before.unconfirmed &&
      now.refusal === before.refusal
    )
      return;
    this.saved.set(now);
    // Not here and now: the caller may be amidst the document's sync.
    if (this.#isResting) queueMicrotask(() => this.#detachIfDone());
  }

  /** After the last use: waits for edits that a receipt can still come for. */
  #detachIfDone(): void {
    const { state, unconfirmed } = this.saved.value;
    const isWaiting = unconfirmed > 0 && state !== "refused" && state !== "read-only";
    if (this.#isResting && !isWaiting) this.detach();
  }
}

/** Resolves when `isDone`, rejects when there is a `failure`; checks when a source changes. */
function when(
  sources: readonly Observable<unknown>[],
  isDone: () => boolean,
  failure: () => ErrorInfo | null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const isSettled = (): boolean => {
      const error = failure();
      if (isDone()) resolve();
      else if (error) reject(new GlassBoxError(error));
      else return false;
      return true;
    };
    if (isSettled()) return;
    const stops = sources.map((source) =>
      source.subscribe(() => {
        if (isSettled()) for (const stop of stops) stop();
      }),
    );
  });
}
