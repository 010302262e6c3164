import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test as base } from "./studio";

/** A message of a webhook, as it came in. */
export interface Message {
  readonly id: string;
  readonly timestamp: string;
  /** Of its body, by each of the secrets, as Standard Webhooks has it. */
  readonly signatures: readonly string[];
  readonly body: string;
}

/** A program that webhooks tell what happens. */
export class Receiver {
  readonly messages: Message[] = [];
  /** With what it answers. */
  status = 204;
  readonly #server = createServer(async (request, response) => {
    this.messages.push(await messageOf(request));
    response.writeHead(this.status).end();
  });

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the receiver does not listen");
    return `http://127.0.0.1:${address.port}/hook`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

async function messageOf(request: IncomingMessage): Promise<Message> {
  const header = (name: string) => String(request.headers[name] ?? "");
  return {
    id: header("webhook-id"),
    timestamp: header("webhook-timestamp"),
    signatures: header("webhook-signature").split(" "),
    body: await text(request),
  };
}

/** How a message is signed with a secret. */
export function signatureOf({ id, timestamp, body }: Message, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

export const test = base.extend<{ receiver: Receiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the needed fixtures from this pattern.
  receiver: async ({}, use) => {
    const receiver = new Receiver();
    await receiver.start();
    await use(receiver);
    await receiver.stop();
  },
});
