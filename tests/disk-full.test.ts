import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  append,
  changesOf,
  isSynced,
  openedAfresh,
  openSdk,
  openStock,
  reads,
  textOf,
  until,
} from "./clients";
import { createDocument, createProject, type Person, signIn } from "./rest";
import { Server, within } from "./server";

const DISK_BYTES = 256 * 1024 * 1024;
const CHUNK = Buffer.alloc(1024 * 1024, 1);
/** So much is written into the document while the disk is full that Postgres cannot but notice. */
const PAGES = 30;
const PAGE = "x".repeat(1024 * 1024);
const NOTICE_MS = 60_000;

/** A disk of a size of its own, where this machine lets us have one. */
function mountDisk(): string | null {
  const disk = mkdtempSync(join(tmpdir(), "glassbox-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk], { stdio: "ignore" });
    chmodSync(disk, 0o755);
    return disk;
  } catch {
    rmdirSync(disk);
    return null;
  }
}

const disk = mountDisk();
let server: Server;
let ada: Person;
let document: string;

beforeAll(async () => {
  if (!disk) return;
  const elsewhere = process.env.TMPDIR;
  process.env.TMPDIR = disk;
  try {
    server = await Server.start({
      settings: { GLASSBOX_LIMITS_UNSAVED_BYTES_PER_DOCUMENT: String(64 * 1024 * 1024) },
    });
  } finally {
    if (elsewhere === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = elsewhere;
  }
  ada = await signIn(server, "Ada");
  document = await createDocument(server, await createProject(server, ada), ada);
});

afterAll(async () => {
  if (!disk) return;
  await server.remove();
  execFileSync("umount", ["--lazy", disk]);
  rmdirSync(disk);
});

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, CHUNK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

it.skipIf(!disk)("rides a full disk out: edits are relayed, and saved once there is room (D8)", async () => {
  const ballast = join(disk as string, "ballast");
  const writer = openSdk(server, document, ada.token);
  const reader = openStock(server, document, ada.token);
  await Promise.all([within(NOTICE_MS, "the writer to sync", writer.whenSynced), isSynced(reader)]);
  append(writer.doc, "before. ");
  await within(NOTICE_MS, "the edit to be saved", writer.whenSaved());

  fill(ballast);
  for (let page = 0; page < PAGES; page += 1) append(writer.doc, `page ${page} ${PAGE}. `);
  append(writer.doc, "while it is full. ");
  const isBehind = () => writer.saved.value.state === "behind";
  await until("the writer to be told", isBehind, [changesOf(writer.saved)], NOTICE_MS);
  await reads(reader.doc, "while it is full.");
  expect(writer.saved.value.unconfirmed).toBeGreaterThan(0);

  expect(server.log()).toContain("No space left on device");
  rmSync(ballast);
  await within(NOTICE_MS, "the edits to be saved", writer.whenSaved());
  append(writer.doc, "after. ");
  await within(NOTICE_MS, "the last edit to be saved", writer.whenSaved());
  await server.kill();
  await writer.close();
  reader.provider.destroy();
  await server.start();
  const stored = textOf(await openedAfresh(server, document, ada.token));
  for (const text of ["before. ", `page ${PAGES - 1} x`, "while it is full. ", "after. "])
    expect(stored).toContain(text);
});
