import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, createProject, type Person, type Project, signIn } from "./rest";
import { Server } from "./server";

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 25;
const LEASE_SECONDS = 3;
/** How many sub-nodes a run makes that is killed at random moments. */
const SUBNODES = 2;

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
      GLASSBOX_AGENTS_LEASE_SECONDS: String(LEASE_SECONDS),
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

/** Makes two nodes, asks a question, and writes slowly. */
function scriptFor(title: string): void {
  type Request = { messages: readonly { role: string }[] };
  const at = (results: number) => ({
    predicate: (request: Request) =>
      JSON.stringify(request.messages).includes(title) &&
      request.messages.filter(({ role }) => role === "tool").length === results,
  });
  const call = (name: string, args: object) => ({ name, arguments: JSON.stringify(args) });
  const node = (name: string) =>
    call("create_subnode", { title: name, description: `About *${name}*.`, author_type: "human" });
  provider.on(at(0), { toolCalls: [node("Waves"), node("Fish")] });
  provider.on(at(2), { toolCalls: [call("request_human_input", { question: "Which sea?" })] });
  const content =
    "# The sea\n\nIt is **wide**, and it is deep.\n\n- waves\n- fish\n\nNobody has seen all of it.";
  provider.on(at(3), { content }, { chunkSize: 3, streamingProfile: { ttft: 20, tps: 60 } });
}

async function answerIfAsked(run: string): Promise<void> {
  interface Asking {
    readonly question: { readonly id: string } | null;
  }
  const { question } = await call<Asking>(server, `/executions/${run}`, { person });
  if (!question) return;
  const body = { questionId: question.id, response: "The Baltic" };
  // It may have been answered before the server was killed, and not be taken in yet.
  await call(server, `/executions/${run}/input`, { person, body }).catch(() => undefined);
}

/** Lists follow their documents within a second, and after a crash somewhat later. */
async function childrenOf(nodeId: string): Promise<readonly { readonly id: string }[]> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (true) {
    const { items } = await call<{ items: readonly { readonly id: string }[] }>(
      server,
      `/nodes/${nodeId}/children`,
      { person },
    );
    if (items.length === SUBNODES) return items;
    if (Date.now() > giveUpAt) throw new Error(`${items.length} sub-nodes are listed`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What a run left behind, without ids and times. */
async function leftBehind(nodeId: string, run: string): Promise<unknown> {
  const { tokensIn, tokensOut } = await until(run, "complete");
  const events = await trace(run);
  const children = await Promise.all(
    (await childrenOf(nodeId)).map(async ({ id }) => {
      const { title, body } = await call<{ title: string; body: string }>(server, `/nodes/${id}`, { person });
      return [title, body];
    }),
  );
  const steps = events.map(({ type, data }) => [type, data.tool, data.finish]);
  return { tokens: [tokensIn, tokensOut], text: await output(nodeId), children: children.sort(), steps };
}

test("a server that is killed at random moments leaves what it would have left undisturbed", async () => {
  // Titles of one length: they are among the tokens.
  scriptFor("Left alone");
  const quiet = await node("Left alone");
  const first = await execute(quiet);
  await until(first, "awaiting_input");
  await answerIfAsked(first);
  const expected = await leftBehind(quiet, first);
  expect(JSON.stringify(expected)).toContain("Nobody has seen all of it.");

  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (const title of ["Kill one 1", "Kill two 2"]) {
    scriptFor(title);
    const nodeId = await node(title);
    const run = await execute(nodeId);
    for (let kill = 0; kill < 4; kill += 1) {
      await until(run, "running", "awaiting_input", "complete");
      await answerIfAsked(run);
      // Whoever takes the run up has to wait for the lease of the one before.
      const pause = (kill === 0 ? 0 : LEASE_SECONDS * 1_000) + random() * 900;
      await new Promise((resolve) => setTimeout(resolve, pause));
      await server.kill();
      await server.start();
    }
    await until(run, "awaiting_input", "complete");
    await answerIfAsked(run);
    expect(await leftBehind(nodeId, run)).toEqual(expected);
  }
}, 180_000);
