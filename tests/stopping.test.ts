import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { afterTest, PATIENCE_MS } from "./clients";
import { environment, freePort, program, Server, within } from "./server";

it("ends in order when it is told to at the moment its address is printed", async () => {
  const server = await Server.start();
  afterTest(() => server.remove());
  for (let round = 0; round < 3; round += 1) {
    expect(await server.stop(), `round ${round}`).toBe(0);
    await server.start();
  }
}, 120_000);

it("hears that it is to end while it waits for its database", async () => {
  // Takes connections, and never says a word.
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  afterTest(() => void silent.close());
  const address = silent.address();
  const database = typeof address === "object" && address ? address.port : 0;
  const port = await freePort();
  const child = spawn(program(), ["serve"], {
    env: {
      ...environment(),
      DATABASE_URL: `postgres://glassbox@127.0.0.1:${database}/glassbox`,
      GLASSBOX_SERVER_LISTEN: `127.0.0.1:${port}`,
    },
    stdio: "ignore",
  });
  afterTest(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit");
  await within(PATIENCE_MS, "the port to be taken", isListening(port));
  child.kill("SIGTERM");
  const [code, signal] = await within(PATIENCE_MS, "the server to end", ended);
  expect({ code, signal }).toEqual({ code: 0, signal: null });
});

async function isListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return;
    await pause(10);
  }
}
