import { type Retries, Timer } from "./backoff.js";
import type { Connection } from "./connection.js";
import type { ErrorInfo } from "./errors.js";
import { type BodyType, encodeFrame, FRAME_OVERHEAD_BYTES, type Frame } from "./frames.js";
import { CAPABILITIES, type ServerMessage, type SyncInfo } from "./messages.js";

/** Messages about an open channel. */
export type Notice = Extract<
  ServerMessage,
  {
    type:
      | "refused"
      | "lagging"
      | "caught_up"
      | "saving_behind"
      | "saving_resumed"
      | "repaired"
      | "access_changed";
  }
>;

/** Who a channel is for. */
export interface ChannelOwner {
  readonly name: string;
  /** Epoch of the replica (G7). */
  readonly epoch: number | null;
  /** The channel is open; `link` is good until {@link detached}. */
  subscribed(link: ChannelLink, access: "write" | "read", sync: SyncInfo): void;
  frame(frame: Frame): void;
  notice(notice: Notice): void;
  /** The channel is closed; it opens anew by itself, unless {@link failed} or {@link epochChanged} follows. */
  detached(): void;
  /** The replica is of another epoch (G7). The owner attaches again when it has another replica. */
  epochChanged(): void;
  /** It could not be opened, or access ended; with `retry` it opens anew by itself. */
  failed(error: ErrorInfo): void;
}

/** Sends on an open channel. */
export class ChannelLink {
  constructor(
    readonly connection: Connection,
    readonly number: number,
  ) {}

  /** Bytes that the socket has taken and not sent yet. */
  get bufferedBytes(): number {
    return this.connection.bufferedBytes;
  }

  /** The largest update that the server takes. */
  get maxUpdateBytes(): number {
    const limits = this.connection.limits;
    if (limits === null) return Number.POSITIVE_INFINITY;
    return Math.min(limits.updateBytes, limits.frameBytes - FRAME_OVERHEAD_BYTES);
  }

  /** Whether the server would take an update of this size. */
  fits(updateBytes: number): boolean {
    return updateBytes <= this.maxUpdateBytes;
  }

  /** The server broke the protocol on this channel. */
  violated(message: string): void {
    this.connection.violated(message);
  }

  send(type: BodyType, body: Uint8Array): void {
    this.connection.sendFrame(encodeFrame({ number: this.number, type, body }));
  }
}

/** The channels of one connection: subscribes what is attached, after every welcome anew. */
export class Channels {
  readonly #connection: () => Connection;
  readonly #retries: () => Retries;
  readonly #byName = new Map<string, Channel>();
  readonly #byNumber = new Map<number, Channel>();

  constructor(connection: () => Connection, retries: () => Retries) {
    this.#connection = connection;
    this.#retries = retries;
  }

  /** Opens the owner's channel, now or as soon as there is a connection. */
  attach(owner: ChannelOwner): void {
    let channel = this.#byName.get(owner.name);
    if (!channel) {
      channel = new Channel(owner.name, this.#connection(), this.#retries());
      this.#byName.set(owner.name, channel);
    }
    channel.owner = owner;
    if (this.#connection().limits) channel.advance();
  }

  /** Closes the owner's channel; nothing more is told to it. */
  detach(owner: ChannelOwner): void {
    const channel = this.#byName.get(owner.name);
    if (channel?.owner !== owner) return;
    channel.owner = null;
    if (channel.link) this.#byNumber.delete(channel.link.number);
    if (this.#connection().limits) channel.advance();
    this.#forgetIfDone(channel);
  }

  /** Closes the owner's channel and opens it anew, so that the server says again what it has. */
  reopen(owner: ChannelOwner): void {
    const channel = this.#byName.get(owner.name);
    if (channel?.owner !== owner || !channel.link) return;
    this.#byNumber.delete(channel.link.number);
    channel.close();
    owner.detached();
  }

  welcomed(): void {
    for (const channel of this.#byName.values()) {
      channel.retries.reset();
      channel.advance();
    }
  }

  lost(): void {
    this.#byNumber.clear();
    for (const channel of [...this.#byName.values()]) {
      const wasOpen = channel.link !== null;
      channel.reset();
      if (wasOpen) channel.owner?.detached();
      this.#forgetIfDone(channel);
    }
  }

  frame(frame: Frame): void {
    const channel = this.#byNumber.get(frame.number);
    if (frame.type === "step2") channel?.retries.reset();
    channel?.owner?.frame(frame);
  }

  message(message: ServerMessage): void {
    switch (message.type) {
      case "subscribed":
        this.#subscribed(message);
        break;
      case "unsubscribed":
        this.#unsubscribed(message);
        break;
      case "error":
        this.#refused(message);
        break;
      case "refused":
      case "lagging":
      case "caught_up":
      case "saving_behind":
      case "saving_resumed":
      case "repaired":
      case "access_changed": {
        const channel = this.#byName.get(message.payload.channel);
        if (channel?.link) channel.owner?.notice(message);
      }
    }
  }

  #subscribed({ payload, requestId }: Extract<ServerMessage, { type: "subscribed" }>): void {
    const channel = this.#byName.get(payload.channel);
    if (!channel || channel.request !== requestId || !payload.sync) return;
    const wanted = channel.owner !== null && channel.owner === channel.requester;
    channel.opened(payload.sync.number);
    if (!wanted) {
      channel.advance(); // the one who asked has gone: close, then open for the one who came
      return;
    }
    const link = channel.link;
    if (!link) return;
    this.#byNumber.set(link.number, channel);
    channel.owner?.subscribed(link, payload.access, payload.sync);
  }

  #unsubscribed({ payload, requestId }: Extract<ServerMessage, { type: "unsubscribed" }>): void {
    const channel = this.#byName.get(payload.channel);
    if (!channel) return;
    if (payload.cause === null) {
      if (channel.request === requestId) this.#closed(channel);
      return;
    }
    if (!channel.link) return; // crossed with our own unsubscribe, whose reply is under way
    this.#byNumber.delete(channel.link.number);
    channel.reset();
    channel.owner?.detached();
    this.#fail(channel, payload.cause);
  }

  #refused({ payload, requestId }: Extract<ServerMessage, { type: "error" }>): void {
    const channel = [...this.#byName.values()].find(
      (each) => requestId !== undefined && each.request === requestId,
    );
    if (!channel) return;
    const owner = channel.owner;
    if (owner === null || owner !== channel.requester) {
      this.#closed(channel);
      return;
    }
    channel.reset();
    if (payload.cause.code === "EPOCH_MISMATCH") {
      this.#byName.delete(channel.name);
      owner.epochChanged();
      return;
    }
    this.#fail(channel, payload.cause);
  }

  #closed(channel: Channel): void {
    channel.reset();
    channel.advance();
    this.#forgetIfDone(channel);
  }

  #fail(channel: Channel, cause: ErrorInfo): void {
    if (cause.retry) channel.retryLater();
    else channel.failed = true;
    channel.owner?.failed(cause);
  }

  #forgetIfDone(channel: Channel): void {
    if (channel.owner === null && channel.request === null && channel.link === null) {
      channel.reset();
      this.#byName.delete(channel.name);
    }
  }
}

/** One channel: closed, asked for (`request`), or open (`link`). */
class Channel {
  owner: ChannelOwner | null = null;
  link: ChannelLink | null = null;
  /** Id of the subscribe or unsubscribe that is not answered yet. */
  request: string | null = null;
  /** For whom the pending subscribe was sent. */
  requester: ChannelOwner | null = null;
  /** Refused for good; tried again on the next connection. */
  failed = false;
  readonly #timer = new Timer();

  constructor(
    readonly name: string,
    readonly connection: Connection,
    readonly retries: Retries,
  ) {}

  /** Takes the next step towards what is wanted, unless an answer or a delay is waited for. */
  advance(): void {
    if (this.request !== null || this.#timer.running) return;
    if (this.owner && !this.link && !this.failed) {
      const sync = { epoch: this.owner.epoch, capabilities: CAPABILITIES };
      this.requester = this.owner;
      this.request = this.connection.request("subscribe", { channel: this.name, sync });
    } else if (this.link && this.owner !== this.requester) {
      this.close();
    }
  }

  close(): void {
    this.link = null;
    this.request = this.connection.request("unsubscribe", { channel: this.name });
    this.requester = null;
  }

  opened(number: number): void {
    this.request = null;
    this.link = new ChannelLink(this.connection, number);
  }

  retryLater(): void {
    this.#timer.start(this.retries.next(), () => this.advance());
  }

  /** Back to closed, with nothing waited for. */
  reset(): void {
    this.#timer.stop();
    this.request = null;
    this.requester = null;
    this.link = null;
    this.failed = false;
  }
}
