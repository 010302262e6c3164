import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { afterTest, append, isSynced, openedAfresh, openStock, PATIENCE_MS, reads, textOf } from "./clients";
import { RawSocket } from "./raw";
import { createDocument, createProject, type Person, type Project, signIn } from "./rest";
import { Server, within } from "./server";

/** An update of one client with a move in it, on which yjs 13 throws. */
const MOVE = [1, 1, 7, 0, 11, 1, 1, "t".charCodeAt(0), 0, 0, 0, 0, 0];
/** Updates of one sender that are kept per day. */
const KEPT = 3;
const NOBODYS_ID = "00000000-0000-4000-8000-00000000beef";

interface Entry {
  readonly id: string;
  readonly document: string;
  readonly sender: string;
  readonly reason: string;
  readonly bytes: number;
  readonly handled: { outcome: string; by: string; why: string } | null;
}

interface List {
  readonly items: readonly Entry[];
  readonly notKept: number;
}

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start({ settings: { GLASSBOX_LIMITS_QUARANTINE_UPDATES_PER_SENDER: String(KEPT) } });
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

it("shows operators what was refused as harmful, and notes what they did about it", async () => {
  const document = await createDocument(server, project, ada);
  await sendHarmful(document, ada, 1);
  const [entry] = await kept(document, 1);
  expect(entry).toMatchObject({ document, sender: `user:${ada.id}`, bytes: MOVE.length, handled: null });
  expect(entry?.reason).toContain("a move");
  const id = entry?.id ?? "";

  const dir = mkdtempSync(join(tmpdir(), "glassbox-test-out-"));
  afterTest(() => rmSync(dir, { recursive: true }));
  const out = join(dir, "update.bin");
  const shown = await quarantine<Record<string, unknown>>("show", id, "--hexdump", "--out", out);
  expect(shown.structure).toEqual({
    refused: "the update holds a move, which not every Yjs client can read",
  });
  expect(shown.rehearsal).toMatchObject({ verdict: { verdict: "refused", code: "UNSUPPORTED_CONTENT" } });
  expect(shown.hex).toBe(Buffer.from(MOVE).toString("hex"));
  expect([...readFileSync(out)]).toEqual(MOVE);
  const again = await server.command("quarantine", "show", id, "--out", out);
  expect(again, "it writes over nothing").toMatchObject({ code: 1 });
  const readable = await server.command("quarantine", "show", id, "--hexdump");
  expect(readable.stdout).toMatch(
    /refused +a move[\s\S]*would be refused \(UNSUPPORTED_CONTENT\)[\s\S]*00000000 {2}01 01 07/,
  );

  const replay = await server.command(
    "quarantine",
    "replay",
    id,
    "--apply",
    "--by",
    "olga",
    "--why",
    "to see",
  );
  expect(replay).toMatchObject({ code: 1, stderr: expect.stringContaining("it was not applied") });
  expect((await quarantine("discard", id, "--by", "olga", "--why", "a test")) as unknown).toMatchObject({
    id,
  });
  expect((await list(document)).items).toEqual([]);
  expect((await list(document, "--all")).items).toMatchObject([
    { id, handled: { outcome: "discarded", by: "olga", why: "a test" } },
  ]);
  const twice = await server.command("quarantine", "discard", id, "--by", "olga", "--why", "again");
  expect(twice).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/was discarded at .* by olga: a test already/),
  });
  const unknown = await server.command("quarantine", "show", NOBODYS_ID);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no update") });
});

it("brings an update into a document that is open on a running server, and only when told to", async () => {
  const document = await createDocument(server, project, ada);
  const reader = openStock(server, document, ada.token);
  await isSynced(reader);
  append(reader.doc, "before");
  const lost = new Y.Doc();
  append(lost, ", found again");
  store(document, Y.encodeStateAsUpdate(lost));
  const [entry] = await kept(document, 1);
  const id = entry?.id ?? "";

  const tried = await quarantine<{ applied: string | null }>("replay", id);
  expect(tried).toMatchObject({ applied: null, rehearsal: { verdict: { verdict: "accepted" } } });
  expect(textOf(await openedAfresh(server, document, ada.token))).toBe("before");

  const applied = await quarantine<{ applied: string }>(
    "replay",
    id,
    "--apply",
    "--by",
    "olga",
    "--why",
    "fixed",
  );
  expect(applied.applied).toMatch(/^1-\d+$/);
  await reads(reader.doc, ", found again");
  expect(textOf(await openedAfresh(server, document, ada.token))).toContain(", found again");
  server.sql(
    `DO $$ BEGIN ASSERT (SELECT count(*) FROM document_updates WHERE principal_id = '${ada.id}'
       AND provenance = 'carried' AND document_id = '${document.slice("doc:".length)}') = 1; END $$`,
  );
  expect((await list(document, "--all")).items).toMatchObject([
    { id, handled: { outcome: "replayed", by: "olga" } },
  ]);
});

it("keeps the first of a sender and day, and counts the others", async () => {
  const document = await createDocument(server, project, ada);
  const flooder = await signIn(server, "Flo");
  const own = await createDocument(server, await createProject(server, flooder), flooder);
  const before = (await list(document)).notKept;
  await sendHarmful(own, flooder, KEPT + 4);
  await kept(own, KEPT);
  const counted = async () => {
    while ((await list(own)).notKept < before + 4) await pause(50);
  };
  await within(PATIENCE_MS, "the others to be counted", counted());
  expect((await list(own)).items).toHaveLength(KEPT);
});

async function sendHarmful(document: string, by: Person, count: number): Promise<void> {
  const socket = await RawSocket.open(`${server.yjsUrl}/${document}?token=${by.token}`);
  for (let sent = 0; sent < count; sent += 1) socket.send([0, 2, MOVE.length, ...MOVE]);
  const refusals = (frames: readonly Uint8Array[]) => frames.filter((frame) => frame[0] === 2).length;
  await socket.until("the refusals", (frames) => refusals(frames) === count || undefined);
}

/** Puts an update into quarantine that was refused by mistake. */
function store(document: string, update: Uint8Array): void {
  const hex = Buffer.from(update).toString("hex");
  server.sql(
    `INSERT INTO document_quarantine (document_id, org_id, update, principal_kind, principal_id, reason, received_at)
     VALUES ('${document.slice("doc:".length)}', '${project.orgId}', '\\x${hex}', 1, '${ada.id}', 'a mistake', now())`,
  );
}

/** What is kept of a document, once it is so many. */
async function kept(document: string, count: number): Promise<readonly Entry[]> {
  const listed = async () => {
    for (;;) {
      const { items } = await list(document);
      if (items.length >= count) return items;
      await pause(50);
    }
  };
  return within(PATIENCE_MS, "the updates to be kept", listed());
}

function list(document: string, ...more: string[]): Promise<List> {
  return quarantine<List>("list", "--document", document, "--since", "1h", ...more);
}

async function quarantine<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await server.command("quarantine", ...args, "--json");
  if (code !== 0) throw new Error(`quarantine ${args.join(" ")}: exit code ${code}\n${stderr}`);
  return JSON.parse(stdout) as T;
}
