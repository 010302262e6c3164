import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, createProject, type Person, type Project, signIn } from "./rest";
import { Server } from "./server";

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 25;

interface Execution {
  readonly id: string;
  readonly status: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly error: { readonly code: string } | null;
}

interface TraceEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A provider that others wrote: OpenAI's API as `@copilotkit/aimock` imitates it. */
const provider = new LLMock({ port: 0, strict: true });
let server: Server;
let person: Person;
let project: Project;

beforeAll(async () => {
  await provider.start();
  server = await Server.start({
    settings: {
      GLASSBOX_AGENTS_MODEL_BASE_URL: `${provider.url}/v1`,
      GLASSBOX_AGENTS_MODEL_MODEL: "gpt-4o",
      GLASSBOX_AGENTS_MODEL_API_KEY: "sk-of-the-test",
      GLASSBOX_AGENTS_LEASE_SECONDS: "3",
    },
  });
  person = await signIn(server, "Ada");
  project = await createProject(server, person);
});

afterAll(async () => {
  await server?.remove();
  await provider.stop();
});

async function node(title: string): Promise<string> {
  const { id } = await call<{ id: string }>(server, `/projects/${project.id}/nodes`, {
    person,
    body: { title },
  });
  return id;
}

async function execute(nodeId: string): Promise<string> {
  const { id } = await call<Execution>(server, `/nodes/${nodeId}/execute`, { person, body: { plan: false } });
  return id;
}

async function until(run: string, ...statuses: readonly string[]): Promise<Execution> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const execution = await call<Execution>(server, `/executions/${run}`, { person }).catch(() => null);
    if (execution && statuses.includes(execution.status)) return execution;
    if (Date.now() > end)
      throw new Error(`the run is still ${JSON.stringify(execution)}\n${server.log().slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function output(nodeId: string): Promise<string | undefined> {
  const { outputs } = await call<{ outputs: readonly { text?: string }[] }>(server, `/nodes/${nodeId}`, {
    person,
  });
  return outputs[0]?.text;
}

async function trace(run: string): Promise<readonly TraceEvent[]> {
  const { items } = await call<{ items: TraceEvent[] }>(server, `/executions/${run}/trace?limit=100`, {
    person,
  });
  return items;
}

test("a run with tools, against a provider that others wrote", async () => {
  provider.on(
    {
      userMessage: /Now do the task/,
      hasToolResult: false,
      predicate: (request) => JSON.stringify(request.messages).includes("With tools"),
    },
    { toolCalls: [{ name: "list_nodes", arguments: "{}" }] },
  );
  provider.on(
    { hasToolResult: true, predicate: (request) => JSON.stringify(request.messages).includes("With tools") },
    { content: "# Done\n\nThe **tools** were used." },
    { chunkSize: 4 },
  );
  const nodeId = await node("With tools");
  const run = await execute(nodeId);
  const execution = await until(run, "complete", "failed");
  expect(execution.error).toBeNull();
  expect(await output(nodeId)).toBe("# Done\n\nThe **tools** were used.");
  expect(execution.tokensIn).toBeGreaterThan(0);
  expect((await trace(run)).map(({ type }) => type)).toEqual([
    "execution_start",
    "llm_call",
    "tool_call",
    "llm_call",
    "execution_complete",
  ]);
});

test("answers that break off, limits of rate and failures of the provider leave nothing twice", async () => {
  const text = "A text of some length, of which the beginning comes twice and stands there once.";
  const isOurs = (request: { messages: unknown }) =>
    JSON.stringify(request.messages).includes("With trouble");
  provider.on(
    { predicate: isOurs, sequenceIndex: 0 },
    { content: text },
    { chunkSize: 6, truncateAfterChunks: 4 },
  );
  provider.on({ predicate: isOurs, sequenceIndex: 1 }, { content: text }, { chunkSize: 5 });
  provider.nextRequestError(429, { message: "slow down", type: "rate_limit_error" });
  const nodeId = await node("With trouble");
  const run = await execute(nodeId);
  const execution = await until(run, "complete", "failed");
  expect(execution.error).toBeNull();
  expect(await output(nodeId)).toBe(text);
  const codes = (await trace(run)).filter(({ type }) => type === "error").map(({ data }) => data.code);
  expect(codes).toEqual(["MODEL_RATE_LIMITED", "MODEL_UNAVAILABLE"]);
});

test("the key is sent to the provider and to nobody else", async () => {
  const requests = JSON.stringify(provider.getRequests().map(({ headers }) => headers));
  expect(requests.toLowerCase()).toContain("authorization");
  expect(server.log()).not.toContain("sk-of-the-test");
  const nodeId = await node("With tools");
  const run = await execute(nodeId);
  await until(run, "complete", "failed");
  expect(JSON.stringify(await trace(run))).not.toContain("sk-of-the-test");
});

test("the whole program may be killed at any time, and the run ends as if nothing had been", async () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  const content = `A list:\n\n- one\n- two\n\n${words}.`;
  provider.on(
    { predicate: (request) => JSON.stringify(request.messages).includes("Killed") },
    { content },
    { chunkSize: 6, streamingProfile: { ttft: 20, tps: 60 } },
  );
  const nodeId = await node("Killed");
  const run = await execute(nodeId);
  for (const pause of [200, 700, 1300]) {
    await until(run, "running", "complete");
    await new Promise((resolve) => setTimeout(resolve, pause));
    await server.kill();
    await server.start();
  }
  await until(run, "complete");
  expect(await output(nodeId)).toBe(content);
}, 120_000);
