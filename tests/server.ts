import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const READY = "GlassBox is at ";
const READY_TIMEOUT_MS = 30_000;
/** Bytes of the log that an error shows. */
const LOG_TAIL = 4000;

export interface ServerOptions {
  /** Begins with the demo organization and its project. */
  readonly demo?: boolean;
  /** More options of the command `serve`. */
  readonly options?: readonly string[];
  /** Settings by environment, such as `GLASSBOX_LIMITS_HEARTBEAT_SECONDS`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Where clients connect. */
export interface Endpoint {
  readonly port: number;
  readonly httpUrl: string;
  /** Where the project's own clients connect. */
  readonly wsUrl: string;
  /** Where y-websocket connects; it adds the document's name. */
  readonly yjsUrl: string;
}

/** A program that has ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real program on a port and with a database of its own. It can be stopped or killed, and started again on the same data. */
export class Server implements Endpoint {
  readonly port: number;
  /** The address that the program announced last; with the demo, that of its project. */
  announced = "";
  readonly #dir: string;
  readonly #options: ServerOptions;
  #process: ChildProcess | null = null;

  private constructor(port: number, options: ServerOptions) {
    this.port = port;
    this.#options = options;
    this.#dir = mkdtempSync(join(tmpdir(), "glassbox-test-"));
    // As root, Postgres runs as another user, who must be able to enter.
    chmodSync(this.#dir, 0o755);
  }

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(await freePort(), options);
    try {
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where the project's own clients connect. */
  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Where y-websocket connects; it adds the document's name. */
  get yjsUrl(): string {
    return `ws://127.0.0.1:${this.port}/yjs`;
  }

  /** The address of its database, for other instances; the database ends with this one. */
  get databaseUrl(): string {
    return `postgres://glassbox@localhost/glassbox?host=${encodeURIComponent(join(this.#dir, "data", "socket"))}`;
  }

  /** Starts the program again on the same data, and waits until it serves. */
  async start(): Promise<void> {
    if (this.#process) throw new Error("the server runs already");
    const log = openSync(join(this.#dir, "log"), "a");
    const child = spawn(program(), this.#arguments(), {
      cwd: this.#dir,
      env: { ...environment(), ...this.#settings(), ...this.#options.settings },
      stdio: ["ignore", "pipe", log],
    });
    this.#process = child;
    process.once("exit", this.#killNow);
    this.announced = await this.#ready(child);
  }

  /** Asks it to stop, as a deployment does. Resolves with its exit code, `null` when the signal itself ended it. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Ends it without any warning: `kill -9`. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops it and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    // After a kill, the database ends a moment later than the server.
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Halts the database where it is, so that nothing can be saved. Linux only. */
  pauseDatabase(): void {
    for (const pid of this.#databaseProcesses()) process.kill(pid, "SIGSTOP");
  }

  resumeDatabase(): void {
    for (const pid of this.#databaseProcesses()) process.kill(pid, "SIGCONT");
  }

  /** Runs a statement in the database, for what REST has no route for. */
  sql(statement: string): void {
    const psql = join(required("GLASSBOX_POSTGRES_INSTALL_DIR"), "bin", "psql");
    // Its lines are the process, the data, the start, the port, the folder of the socket, …
    const running = readFileSync(join(this.#dir, "data", "cluster", "postmaster.pid"), "utf8").split("\n");
    const at = ["-h", running[4] ?? "", "-p", running[3] ?? "", "-U", "postgres", "-d", "glassbox"];
    execFileSync(psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...at, "-c", statement]);
  }

  /** Runs another command of the program beside the server, with the same settings. */
  command(...args: readonly string[]): Promise<Finished> {
    const env = { ...environment(), ...this.#settings(), ...this.#options.settings };
    return new Promise((resolve) => {
      execFile(program(), args, { cwd: this.#dir, env }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
      });
    });
  }

  /** What the program has logged. */
  log(): string {
    return readFileSync(join(this.#dir, "log"), "utf8");
  }

  #arguments(): string[] {
    return ["serve", ...(this.#options.demo ? ["--demo"] : []), ...(this.#options.options ?? [])];
  }

  #settings(): Record<string, string> {
    return {
      GLASSBOX_SERVER_LISTEN: `127.0.0.1:${this.port}`,
      GLASSBOX_SERVER_PUBLIC_URL: this.httpUrl,
      GLASSBOX_POSTGRES_INSTALL_DIR: required("GLASSBOX_POSTGRES_INSTALL_DIR"),
      GLASSBOX_POSTGRES_DATA_DIR: join(this.#dir, "data"),
      GLASSBOX_AUTH_DATA_DIR: join(this.#dir, "auth"),
      // What is kept in a bucket needs no folder, and a folder beside it would be refused.
      ...(process.env.S3_BUCKET ? {} : { GLASSBOX_FILES_DIR: join(this.#dir, "files") }),
      GLASSBOX_LOG_FORMAT: "text",
    };
  }

  async #ready(child: ChildProcess): Promise<string> {
    if (!child.stdout) throw new Error("the server has no output");
    const lines = createInterface({ input: child.stdout });
    const announced = new Promise<string>((resolve) => {
      lines.on("line", (line) => {
        const at = line.indexOf(READY);
        if (at >= 0) resolve(line.slice(at + READY.length).trim());
      });
    });
    const ended = once(child, "exit").then(([code, signal]) => {
      const log = this.log().slice(-LOG_TAIL);
      throw new Error(`the server ended before it was ready (${signal ?? `exit code ${code}`}):\n${log}`);
    });
    // Later it may end as it likes.
    ended.catch(() => {});
    return within(READY_TIMEOUT_MS, "the server to be ready", Promise.race([announced, ended]));
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const child = this.#process;
    if (!child) return null;
    this.#process = null;
    process.off("exit", this.#killNow);
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    child.kill(signal);
    const [code] = await within(READY_TIMEOUT_MS, "the server to end", ended);
    return code as number | null;
  }

  readonly #killNow = (): void => {
    this.#process?.kill("SIGKILL");
  };

  #databaseProcesses(): number[] {
    const cluster = join(this.#dir, "data", "cluster");
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => workingDirectory(pid) === cluster).map(Number);
  }
}

function workingDirectory(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

export function program(): string {
  return process.env.GLASSBOX_BIN ?? fileURLToPath(new URL("../target/debug/glassbox", import.meta.url));
}

/** The environment without settings of another server. */
export function environment(): Record<string, string> {
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("GLASSBOX_"),
    ),
  );
}

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set; ./dev test sets all that these tests need`);
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

/** The promise's outcome, or an error that names what did not come in time. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
