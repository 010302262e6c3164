import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { changesOf, isSynced, openSdk, openStock, PATIENCE_MS, until, updatesOf } from "./clients";
import { Queue } from "./queue";
import { Redis } from "./redis";
import { call, createProject, type Person, type Project, signIn, snapshot } from "./rest";
import { Server, within } from "./server";

let redis: Redis;
let queue: Queue;
let api: Server;
let sync: Server;
let settings: Record<string, string>;
let ada: Person;
let project: Project;

beforeAll(async () => {
  redis = await Redis.start();
  queue = await Queue.create();
  settings = {
    ...queue.settings,
    REDIS_URL: redis.url,
    GLASSBOX_AUTH_TOKEN_SECRET: "the same on every instance of this test",
    // What is quick is not so because the database was asked.
    GLASSBOX_LIMITS_HEAD_CHECK_WITH_REDIS_MS: "3600000",
  };
  api = await Server.start({ settings, options: ["--roles", "api"] });
  sync = await Server.start({
    settings: { ...settings, DATABASE_URL: api.databaseUrl, GLASSBOX_SERVER_ROLES: "sync" },
  });
  ada = await signIn(api, "Ada");
  project = await createProject(api, ada);
}, 120_000);

afterAll(async () => {
  await sync?.remove();
  await api?.remove();
  await redis?.remove();
}, 120_000);

it("carries edits from REST on one process to sockets on the other, and back", async () => {
  const canvas = openSdk(sync, `project:${project.id}`, ada.token);
  await within(PATIENCE_MS, "the canvas to sync", canvas.whenSynced);
  const node = await call<{ id: string }>(api, `/projects/${project.id}/nodes`, {
    person: ada,
    body: { title: "From REST", position: { x: 1, y: 2 } },
  });
  const nodes = canvas.doc.getMap<Y.Map<unknown>>("nodes");
  const title = () => nodes.get(node.id)?.get("title");
  await until("the node to be on the canvas", () => title() === "From REST", [updatesOf(canvas.doc)]);

  nodes.get(node.id)?.set("title", "From a socket");
  await until("the edit to be saved", () => canvas.saved.value.state === "saved", [changesOf(canvas.saved)]);
  const read = async () => {
    for (;;) {
      const doc = new Y.Doc();
      Y.applyUpdate(doc, await snapshot(api, ada, `project:${project.id}`));
      if (doc.getMap<Y.Map<unknown>>("nodes").get(node.id)?.get("title") === "From a socket") return;
    }
  };
  await within(PATIENCE_MS, "REST to read it", read());
});

it("answers what another role serves with a problem that names the role", async () => {
  const problem = async (server: Server, path: string) => {
    const response = await fetch(`${server.httpUrl}${path}`);
    expect(response.headers.get("content-type"), path).toBe("application/problem+json");
    const { code } = (await response.json()) as { code: string };
    return [response.status, code];
  };
  for (const path of ["/ws", "/yjs/scratch:x", "/hocuspocus"]) {
    expect(await problem(api, path), path).toEqual([404, "SERVED_BY_SYNC"]);
  }
  for (const path of ["/api/v1/me", "/api/v1/openapi.json", "/", "/p/1", "/nothing.js"]) {
    expect(await problem(sync, path), path).toEqual([404, "SERVED_BY_API"]);
  }
  for (const server of [api, sync]) {
    for (const path of ["/health", "/ready", "/metrics"]) {
      expect((await fetch(`${server.httpUrl}${path}`)).status, path).toBe(200);
    }
  }
  const stock = openStock(sync, "scratch:roles");
  await isSynced(stock);
});

it("wakes a process that only drives agents through the queue", async () => {
  const agent = await Server.start({
    settings: {
      ...settings,
      DATABASE_URL: api.databaseUrl,
      GLASSBOX_AGENTS_SERVER_URL: new URL(sync.wsUrl).origin,
    },
    options: ["--roles", "agent"],
  });
  try {
    const node = await call<{ id: string }>(api, `/projects/${project.id}/nodes`, {
      person: ada,
      body: { title: "For an agent" },
    });
    const { id } = await call<{ id: string }>(api, `/nodes/${node.id}/execute`, { person: ada, body: {} });
    const waits = async () => {
      for (;;) {
        const { status } = await call<{ status: string }>(api, `/executions/${id}`, { person: ada });
        // The demo model asks something in the middle.
        if (status === "awaiting_input" && (await queue.depth()) === 0) return;
      }
    };
    await within(PATIENCE_MS, "the run to ask, and its message to be settled", waits());
    const metrics = await (await fetch(`${agent.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/^glassbox_agent_runs_wait_seconds_count 1$/m);
    const announced = await (await fetch(`${api.httpUrl}/metrics`)).text();
    const sent = (text: string) => Number(/^glassbox_agent_queue_sent_total (\d+)$/m.exec(text)?.[1]);
    expect(sent(metrics) + sent(announced)).toBe(1);
  } finally {
    await agent.remove();
  }
});

it("refuses a role that there is not, before anything is started", async () => {
  const byFlag = await sync.command("serve", "--roles", "sync,gui");
  expect(byFlag.code).toBe(2);
  expect(byFlag.stderr).toContain("gui is no role");
  const settings = { GLASSBOX_SERVER_ROLES: "sync,gui", DATABASE_URL: api.databaseUrl };
  await expect(Server.start({ settings })).rejects.toThrow(/server\.roles[\s\S]*sync, api or all/);
});
