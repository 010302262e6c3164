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

  /** Resolves with what the condition makes of the frames so far, once that is something. */
  async until<T>(what: string, look: (frames: readonly Uint8Array[]) => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve, reject) => {
      const again = () => {
        try {
          const value = look(this.frames);
          if (value !== undefined) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting = again;
      again();
    });
    return within(PATIENCE_MS, what, found);
  }

  async closed(): Promise<number> {
    const [code] = await within(PATIENCE_MS, "the socket to close", once(this.#socket, "close"));
    return code as number;
  }
}
