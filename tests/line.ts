import { WebSocket } from "ws";

/** A client's line to the server, which can break at any moment, in the middle of a frame too. */
export class Line {
  readonly WebSocket: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;
  readonly #sockets = new Set<WebSocket>();
  #isCut = false;

  constructor() {
    const opened = (socket: WebSocket) => this.#opened(socket);
    this.WebSocket = class extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        opened(this);
      }
    };
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Ends the connection without a word, and lets none come about. What was not read by the other side is lost. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.terminate();
  }

  mend(): void {
    this.#isCut = false;
  }

  #opened(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // A client may not listen any more when its connection fails.
    socket.on("error", () => {});
    if (this.#isCut) queueMicrotask(() => socket.terminate());
  }
}
