import { readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { append, changesOf, isSynced, openSdk, openStock, PATIENCE_MS, reads, until } from "./clients";
import { open } from "./hocuspocus/providers";
import { labelsOf, strangers } from "./metric-selectors";
import { Queue } from "./queue";
import { RawSocket } from "./raw";
import { Redis } from "./redis";
import { call, createDocument, createProject, type Person, type Project, signIn } from "./rest";
import { Server, within } from "./server";

/** An update with a move in it, which is refused. */
const MOVE = [1, 1, 7, 0, 11, 1, 1, "t".charCodeAt(0), 0, 0, 0, 0, 0];

let redis: Redis;
let server: Server;

beforeAll(async () => {
  redis = await Redis.start();
  const queue = await Queue.create();
  server = await Server.start({ settings: { REDIS_URL: redis.url, ...queue.settings } });
}, 60_000);

afterAll(async () => {
  await server?.remove();
  await redis?.remove();
}, 60_000);

it("tells operators what happens, under every name and with every label that deploy/ uses", async () => {
  const ada = await signIn(server, "Ada");
  const project = await createProject(server, ada);
  const document = await createDocument(server, project, ada);
  await call(server, `/projects/${project.id}/nodes`, { person: ada });
  await fetch(`${server.httpUrl}/api/v1/projects/${project.id}/nothing`);
  await fetch(`${server.httpUrl}/ready`);
  await uploadFile(ada, project);
  const own = openSdk(server, document, ada.token);
  await within(PATIENCE_MS, "the client to sync", own.whenSynced);
  const stock = openStock(server, document, ada.token);
  await isSynced(stock);
  open(server, 4, document, { token: ada.token });
  append(own.doc, "measured");
  await until("the edit to be saved", () => own.saved.value.state === "saved", [changesOf(own.saved)]);
  await reads(stock.doc, "measured");
  const raw = await RawSocket.open(`${server.yjsUrl}/${document}?token=${ada.token}`);
  raw.send([0, 2, MOVE.length, ...MOVE]);
  await raw.until("the refusal", (frames) => frames.some((frame) => frame[0] === 2) || undefined);
  await within(
    PATIENCE_MS,
    "the update to be kept",
    metricAtLeast('documents_quarantined_total{outcome="Kept"}', 1),
  );

  const text = await scrape();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const exposed = new Set(samples.map((line) => line.split(/[ {]/, 1)[0]));
  for (const file of ["grafana/glassbox.json", "prometheus/glassbox.rules.yml"]) {
    const used = new Set(deployed(file).match(/\bglassbox_[a-z_]+/g));
    expect(used.size, file).toBeGreaterThan(5);
    expect(
      [...used].filter((name) => !exposed.has(name)),
      file,
    ).toEqual([]);
  }
  // What has labels that are known has them all from the start; of requests, each status may come.
  const labels = labelsOf(text);
  for (const [file, expressions] of Object.entries(used())) {
    expect(strangers(expressions, labels, { status: Object.keys(STATUS_CODES) }), file).toEqual([]);
  }
  expect(value(text, 'glassbox_documents_refused_total{code="UNSUPPORTED_CONTENT"}')).toBe(1);
  expect(value(text, 'glassbox_sockets_open{dialect="glassbox"}')).toBe(1);
  expect(value(text, 'glassbox_sockets_open{dialect="y_websocket"}')).toBe(2);
  expect(value(text, "glassbox_documents_receipt_seconds_count")).toBeGreaterThan(0);
  expect(value(text, "glassbox_documents_unsaved_bytes")).toBe(0);
  expect(value(text, "glassbox_bus_connected")).toBe(1);
  expect(value(text, "glassbox_process_resident_memory_bytes")).toBeGreaterThan(1e6);

  // Every family has its help, and no label tells documents or people apart.
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name));
  const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  expect(families.filter((name) => !helped.has(name))).toEqual([]);
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-/;
  expect(samples.filter((line) => uuid.test(line))).toEqual([]);
});

it("has a runbook entry for every alert, and alerts that say how bad and how long", () => {
  const rules = deployed("prometheus/glassbox.rules.yml");
  const alerts = rules.split(/^ +- alert: /m).slice(1);
  const runbook = deployed("RUNBOOK.md");
  expect(alerts.length).toBeGreaterThan(10);
  for (const alert of alerts) {
    const name = alert.split("\n", 1)[0] ?? "";
    for (const part of [/^ +expr: /m, /^ +for: /m, /severity: (critical|warning)/, /^ +summary: "/m]) {
      expect(alert, name).toMatch(part);
    }
    expect(alert, name).toContain(`/deploy/RUNBOOK.md#${name.toLowerCase()}"`);
    expect(runbook.split("\n"), name).toContain(`## ${name}`);
  }
  const entries = [...runbook.matchAll(/^## (GlassBox\w+)$/gm)].map(([, name]) => name);
  expect(entries).toEqual(alerts.map((alert) => alert.split("\n", 1)[0]));
});

it("draws a dashboard of rows of panels, each with a query", () => {
  const dashboard = JSON.parse(deployed("grafana/glassbox.json")) as {
    panels: { id: number; type: string; title: string; targets?: { expr: string }[] }[];
  };
  const rows = dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title);
  expect(rows).toEqual(["Sync", "Log", "Bus", "Events", "Agents", "Files", "Search", "Hostile", "Process"]);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const empty = dashboard.panels.filter(({ type, targets }) => type !== "row" && !targets?.length);
  expect(empty).toEqual([]);
});

/** A file that is announced, brought and confirmed. */
async function uploadFile(person: Person, { id, orgId }: Project): Promise<void> {
  const file = { filename: "a.txt", contentType: "text/plain", projectId: id };
  const path = `/orgs/${orgId}/files/upload`;
  const announced = await call<{ fileId: string; uploadUrl: string }>(server, path, { person, body: file });
  const headers = { "content-type": file.contentType };
  expect((await fetch(announced.uploadUrl, { method: "PUT", headers, body: "words" })).ok).toBe(true);
  await call(server, `/files/${announced.fileId}/confirm`, { person, body: {} });
}

/** The expressions of what is deployed. */
function used(): Record<string, string> {
  const dashboard = JSON.parse(deployed("grafana/glassbox.json")) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const drawn = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return {
    dashboard: drawn.join(";\n"),
    alerts: deployed("prometheus/glassbox.rules.yml")
      .split(/^ +expr: /m)
      .join(";\n"),
    runbook: deployed("RUNBOOK.md"),
  };
}

function deployed(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../deploy/${path}`, import.meta.url)), "utf8");
}

async function scrape(): Promise<string> {
  return (await fetch(`${server.httpUrl}/metrics`)).text();
}

function value(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  if (line === undefined) throw new Error(`${sample} is not exposed`);
  return Number(line.slice(sample.length + 1));
}

async function metricAtLeast(sample: string, least: number): Promise<void> {
  while (value(await scrape(), `glassbox_${sample}`) < least);
}
