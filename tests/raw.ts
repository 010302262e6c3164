import { once } from "node:events";
import { WebSocket } from "ws";
import { afterTest, PATIENCE_MS } from "./clients";
import { within } from "./server";

/** A WebSocket without any client around it: for what a well-behaved client never does or never looks at. */
export class RawSocket {
  readonly frames: Uint8Array[] = [];
  readonly #socket: WebSocket;
  #waiting: (() => void) | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      this.frames.push(new Uint8Array(data));
      this.#waiting?.();
    });
  }

  static async open(url: string): Promise<RawSocket> {
    const socket = new WebSocket(url);
    const raw = new RawSocket(socket);
    afterTest(() => socket.terminate());
    await within(PATIENCE_MS, "the socket to open", once(socket, "open"));
    return raw;
  }

  /** The close code of a server that accepts the connection only to say why not. */
  static async refusal(url: string): Promise<number> {
    const socket = new WebSocket(url);
    afterTest(() => socket.terminate());
    const [code] = await within(PATIENCE_MS, "the server to close the socket", once(socket, "close"));
    return code as number;
  }

  send(bytes: Uint8Array | readonly number[]): void {
    this.#socket.send(Uint8Array.from(bytes));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Resolves with the first frame, past ones included, that fits. */
  async frame(what: string, fits: (frame: Uint8Array) => boolean): Promise<Uint8Array> {
    const found = () => this.frames.find(fits);
    const arrived = new Promise<Uint8Array>((resolve) => {
      const look = () => {
        const frame = found();
        if (frame) resolve(frame);
      };
      this.#waiting = look;
      look();
    });
    return within(PATIENCE_MS, what, arrived);
  }

  async closed(): Promise<number> {
    const [code] = await within(PATIENCE_MS, "the socket to close", once(this.#socket, "close"));
    return code as number;
  }
}
