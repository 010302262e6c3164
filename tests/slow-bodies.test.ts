import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PATIENCE_MS } from "./clients";
import { call, createProject, type Person, type Project, signIn } from "./rest";
import { Server, within } from "./server";

/** What a body may take, in the servers of these tests. */
const BODY_MS = 1_000;
const BYTE_EVERY_MS = 100;
/** So much less may the server's clock say than this one. */
const TOLERANCE_MS = 100;

let server: Server;
let person: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start({
    settings: { GLASSBOX_LIMITS_REQUEST_BODY_SECONDS: String(BODY_MS / 1_000) },
  });
  person = await signIn(server, "Ada");
  project = await createProject(server, person);
}, PATIENCE_MS);

afterAll(() => server?.remove());

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Until the server had ended the connection. */
  readonly ms: number;
}

/** Sends a request's head at once and then one byte after the other, as long as the server keeps the connection. */
async function dribble(
  path: string,
  headers: Record<string, string>,
  body: string,
  length = body.length,
): Promise<Answer> {
  const socket = connect(server.port, "127.0.0.1");
  // Whoever is cut off has heard what there was to hear.
  socket.on("error", () => {});
  await once(socket, "connect");
  const begin = Date.now();
  const lines = Object.entries({ host: "x", "content-length": String(length), ...headers });
  const method = path.includes("/blobs/") ? "PUT" : "POST";
  socket.write(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  let sent = 0;
  const dribbling = setInterval(() => {
    if (sent < body.length) socket.write(body.charAt(sent++));
  }, BYTE_EVERY_MS);
  try {
    const said = await within(PATIENCE_MS, "the server to end the connection", text(socket));
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1]);
    return { status, body: said.slice(said.indexOf("\r\n\r\n") + 4), ms: Date.now() - begin };
  } finally {
    clearInterval(dribbling);
    socket.destroy();
  }
}

const json = () => ({ "content-type": "application/json", authorization: `Bearer ${person.token}` });
const blanks = " ".repeat(1_000);

/** How often bodies were too slow. */
async function counted(): Promise<number> {
  const metrics = await (await fetch(`${server.httpUrl}/metrics`)).text();
  return Number(/^glassbox_limit_reached_total\{limit="RequestBodyTime"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

function expectTooSlow({ status, body, ms }: Answer): void {
  expect([status, JSON.parse(body).code]).toEqual([408, "BODY_TOO_SLOW"]);
  expect(ms).toBeGreaterThanOrEqual(BODY_MS - TOLERANCE_MS);
}

it.each([
  ["somebody's", "/api/v1/orgs", json],
  ["a stranger's", "/api/v1/auth/dev-token", () => ({ "content-type": "application/json" })],
])("gives up %s body that comes byte after byte", async (_, path, headers) => {
  const before = await counted();
  expectTooSlow(await dribble(path, headers(), blanks));
  expect(await counted()).toBe(before + 1);
});

it("does not wait for the body of a request that it refuses anyway", async () => {
  const before = await counted();
  expect((await dribble("/api/v1/orgs", { "content-type": "application/json" }, blanks)).status).toBe(401);
  expect(await counted()).toBe(before);
});

it("takes a slow body that has come in time", async () => {
  const body = '{"a":1}';
  const answer = await dribble("/api/v1/orgs", { ...json(), connection: "close" }, body);
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([422, "VALIDATION_FAILED"]);
});

// In a bucket, the bytes of files do not come by here.
it.skipIf(process.env.S3_BUCKET)("waits longer for files, but not for silence within them", async () => {
  const body = "x".repeat((2 * BODY_MS) / BYTE_EVERY_MS);
  const silent = await upload(body, 2 * body.length);
  expectTooSlow(silent.answer);
  const confirm = await fetch(`${server.httpUrl}/api/v1/files/${silent.fileId}/confirm`, {
    method: "POST",
    headers: json(),
    body: "{}",
  });
  expect(confirm.status, "what has come is no file").toBe(409);

  const steady = await upload(body, body.length);
  expect(steady.answer.status).toBe(200);
  expect(steady.answer.ms).toBeGreaterThan(BODY_MS);
  await call(server, `/files/${steady.fileId}/confirm`, { person, body: {} });
});

/** Uploads a file so slowly, of which more may have been promised. */
async function upload(body: string, length: number): Promise<{ fileId: string; answer: Answer }> {
  const { fileId, uploadUrl } = await call<{ fileId: string; uploadUrl: string }>(
    server,
    `/orgs/${project.orgId}/files/upload`,
    { person, body: { filename: "slow.txt", contentType: "text/plain", projectId: project.id } },
  );
  const { pathname, search } = new URL(uploadUrl);
  const headers = { "content-type": "text/plain", connection: "close" };
  return { fileId, answer: await dribble(`${pathname}${search}`, headers, body, length) };
}
