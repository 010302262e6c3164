import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { within } from "./server";

const READY_TIMEOUT_MS = 30_000;
const LOOK_PAUSE_MS = 10;

/** A Redis of the test's own, on a unix socket. */
export class Redis {
  readonly #dir = mkdtempSync(join(tmpdir(), "glassbox-test-redis-"));
  #process: ChildProcess | null = null;

  static async start(): Promise<Redis> {
    const redis = new Redis();
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis+unix://${this.#socket}`;
  }

  get #socket(): string {
    return join(this.#dir, "socket");
  }

  /** Starts it again at the same address, as empty as the first time. */
  async start(): Promise<void> {
    const options = ["--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", this.#socket];
    const child = spawn(process.env.GLASSBOX_TEST_REDIS_SERVER || "redis-server", options, {
      cwd: this.#dir,
      stdio: "ignore",
    });
    this.#process = child;
    process.once("exit", this.#killNow);
    await Promise.race([once(child, "error").then(([error]) => Promise.reject(error)), this.#listening()]);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = null;
    process.off("exit", this.#killNow);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await within(READY_TIMEOUT_MS, "Redis to end", ended);
    // What a killed Redis leaves behind looks like one that is there.
    rmSync(this.#socket, { force: true });
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const answers = async () => {
      while (!(await this.#answers())) await pause(LOOK_PAUSE_MS);
    };
    await within(READY_TIMEOUT_MS, "Redis to be ready", answers());
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const connection = createConnection(this.#socket);
      connection.once("connect", () => connection.write("PING\r\n"));
      connection.once("data", (data) => {
        connection.destroy();
        resolve(data.toString().startsWith("+PONG"));
      });
      connection.once("error", () => resolve(false));
    });
  }

  readonly #killNow = (): void => {
    this.#process?.kill("SIGKILL");
  };
}
