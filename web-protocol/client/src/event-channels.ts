import { type Retries, Timer } from "./backoff.js";
import type { Connection } from "./connection.js";
import type { ErrorInfo } from "./errors.js";
import type { GlassBoxEvent } from "./events.js";
import { isEventMessage, type ServerMessage } from "./messages.js";

/** What somebody wants to hear of. */
export interface EventListener {
  /** Something happened. */
  event?(event: GlassBoxEvent): void;
  /**
   * From now on everything is told, and what happened before may not have been: read anew what you show. Comes when
   * the channel opens, each time, and when the server had to leave events out.
   */
  resync?(): void;
  /** One may not listen to this, or not any more. With `retry` it is tried again. */
  failed?(error: ErrorInfo): void;
}

/** The name of the channel on which events of a project, a node, or for oneself are told. */
export function eventChannel(subject: string): string {
  return subject === "user" ? subject : `events:${subject}`;
}

/** The channels of events of one connection: subscribes what is listened to, after every welcome anew. */
export class EventChannels {
  readonly #connection: () => Connection;
  readonly #retries: () => Retries;
  readonly #byName = new Map<string, Channel>();

  constructor(connection: () => Connection, retries: () => Retries) {
    this.#connection = connection;
    this.#retries = retries;
  }

  /** Listens until the returned function is called. */
  listen(subject: string, listener: EventListener): () => void {
    const name = eventChannel(subject);
    let channel = this.#byName.get(name);
    if (!channel) {
      channel = new Channel(name, this.#connection(), this.#retries());
      this.#byName.set(name, channel);
    }
    // A listener of its own for each call, even if it is the same object.
    const heard = { listener };
    channel.listeners.add(heard);
    if (channel.isOpen) queueMicrotask(() => channel.listeners.has(heard) && listener.resync?.());
    if (this.#connection().limits) channel.advance();
    return () => {
      if (!channel.listeners.delete(heard)) return;
      if (this.#connection().limits) channel.advance();
      this.#forgetIfDone(channel);
    };
  }

  welcomed(): void {
    for (const channel of this.#byName.values()) {
      channel.retries.reset();
      channel.advance();
    }
  }

  lost(): void {
    for (const channel of [...this.#byName.values()]) {
      channel.reset();
      this.#forgetIfDone(channel);
    }
  }

  message(message: ServerMessage): void {
    if (isEventMessage(message)) {
      this.#byName.get(message.payload.channel)?.tell((listener) => listener.event?.(message));
      return;
    }
    switch (message.type) {
      case "resync":
        this.#byName.get(message.payload.channel)?.tell((listener) => listener.resync?.());
        break;
      case "subscribed":
        this.#answered(message.payload.channel, message.requestId)?.opened();
        break;
      case "unsubscribed":
        this.#unsubscribed(message);
        break;
      case "error":
        this.#refused(message);
    }
  }

  #answered(name: string, requestId: string | undefined): Channel | undefined {
    const channel = this.#byName.get(name);
    return channel?.request !== null && channel?.request === requestId ? channel : undefined;
  }

  #unsubscribed({ payload, requestId }: Extract<ServerMessage, { type: "unsubscribed" }>): void {
    const channel =
      payload.cause === null ? this.#answered(payload.channel, requestId) : this.#byName.get(payload.channel);
    if (!channel) return;
    channel.reset();
    if (payload.cause === null) channel.advance();
    else channel.fail(payload.cause);
    this.#forgetIfDone(channel);
  }

  #refused({ payload, requestId }: Extract<ServerMessage, { type: "error" }>): void {
    const channel = [...this.#byName.values()].find(
      (each) => requestId !== undefined && each.request === requestId,
    );
    if (!channel) return;
    channel.reset();
    channel.fail(payload.cause);
    this.#forgetIfDone(channel);
  }

  #forgetIfDone(channel: Channel): void {
    if (channel.listeners.size === 0 && channel.request === null && !channel.isOpen) {
      channel.reset();
      this.#byName.delete(channel.name);
    }
  }
}

class Channel {
  readonly listeners = new Set<{ listener: EventListener }>();
  /** Id of the subscribe or unsubscribe that is not answered yet. */
  request: string | null = null;
  isOpen = false;
  /** Refused for good; tried again on the next connection. */
  #failed = false;
  readonly #timer = new Timer();

  constructor(
    readonly name: string,
    readonly connection: Connection,
    readonly retries: Retries,
  ) {}

  /** Takes the next step towards what is wanted, unless an answer or a delay is waited for. */
  advance(): void {
    if (this.request !== null || this.#timer.running) return;
    const wanted = this.listeners.size > 0;
    if (wanted && !this.isOpen && !this.#failed) {
      this.request = this.connection.request("subscribe", { channel: this.name });
    } else if (!wanted && this.isOpen) {
      this.isOpen = false;
      this.request = this.connection.request("unsubscribe", { channel: this.name });
    }
  }

  opened(): void {
    this.request = null;
    this.isOpen = true;
    this.tell((listener) => listener.resync?.());
    this.advance(); // whoever wanted it may be gone
  }

  fail(cause: ErrorInfo): void {
    if (cause.retry) this.#timer.start(this.retries.next(), () => this.advance());
    else this.#failed = true;
    this.tell((listener) => listener.failed?.(cause));
  }

  tell(what: (listener: EventListener) => void): void {
    for (const { listener } of [...this.listeners]) what(listener);
  }

  /** Back to closed, with nothing waited for. */
  reset(): void {
    this.#timer.stop();
    this.request = null;
    this.isOpen = false;
    this.#failed = false;
  }
}
