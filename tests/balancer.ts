import { once } from "node:events";
import { connect as connectTo, createServer, type Server as Listener, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterTest, PATIENCE_MS } from "./clients";
import type { Endpoint, Server } from "./server";
import { within } from "./server";

/** How often instances are asked whether they are ready. */
const CHECK_MS = 50;

/** What stands in front of several instances: each new connection goes to the next one that is ready. */
export class Balancer implements Endpoint {
  readonly #instances: readonly Server[];
  readonly #ready = new Set<Server>();
  readonly #listener: Listener;
  readonly #sockets = new Set<Socket>();
  #turn = 0;
  #isOpen = true;

  private constructor(instances: readonly Server[]) {
    this.#instances = instances;
    this.#listener = createServer((client) => this.#forward(client));
  }

  static async start(instances: readonly Server[]): Promise<Balancer> {
    const balancer = new Balancer(instances);
    balancer.#listener.listen(0, "127.0.0.1");
    await once(balancer.#listener, "listening");
    for (const instance of instances) void balancer.#watch(instance);
    afterTest(() => balancer.#close());
    await Promise.all(instances.map((instance) => balancer.uses(instance)));
    return balancer;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get yjsUrl(): string {
    return `ws://127.0.0.1:${this.port}/yjs`;
  }

  /** Resolves when an instance gets connections. */
  async uses(instance: Server): Promise<void> {
    const used = async () => {
      while (!this.#ready.has(instance)) await pause(CHECK_MS);
    };
    await within(PATIENCE_MS, "the instance to be ready", used());
  }

  async #watch(instance: Server): Promise<void> {
    while (this.#isOpen) {
      const answer = await fetch(`${instance.httpUrl}/ready`).catch(() => null);
      if (answer?.ok) this.#ready.add(instance);
      else this.#ready.delete(instance);
      await answer?.arrayBuffer();
      await pause(CHECK_MS);
    }
  }

  #forward(client: Socket): void {
    const ready = this.#instances.filter((instance) => this.#ready.has(instance));
    this.#turn += 1;
    const chosen = ready[this.#turn % Math.max(ready.length, 1)];
    if (!chosen) {
      client.destroy();
      return;
    }
    const upstream = connectTo(chosen.port, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  #close(): void {
    this.#isOpen = false;
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
