import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call, createProject, type Person, type Project, signIn } from "./rest";
import { docx, pdf, zip } from "./samples";
import { program, Server } from "./server";

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 50;
const PDF = "application/pdf";
const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/** More than a part of an archive may unpack to. */
const BOMB_BYTES = 80 << 20;

interface Told {
  readonly type: string;
  readonly payload: { readonly fileId?: string; readonly processingStatus?: string };
}

let server: Server;
let person: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  person = await signIn(server, "Ada");
  project = await createProject(server, person);
}, PATIENCE_MS);

afterAll(() => server?.remove());

async function upload(
  filename: string,
  contentType: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const { fileId, uploadUrl } = await call<{ fileId: string; uploadUrl: string }>(
    server,
    `/orgs/${project.orgId}/files/upload`,
    { person, body: { filename, contentType, projectId: project.id } },
  );
  const put = await fetch(uploadUrl, {
    method: "PUT",
    headers: { "content-type": contentType },
    body: bytes,
  });
  expect(put.status, await put.text()).toBeLessThan(300);
  await call(server, `/files/${fileId}/confirm`, { person, body: {} });
  return fileId;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}\n${server.log().slice(-3000)}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** What the project's events say came of reading a file. */
function processed(fileId: string): Promise<string | undefined> {
  return until("the file to be read", async () => {
    const page = await call<{ items: readonly Told[] }>(server, `/projects/${project.id}/events?limit=100`, {
      person,
    });
    const told = page.items.find((it) => it.type === "file_processed" && it.payload.fileId === fileId);
    return told?.payload.processingStatus;
  });
}

async function isFoundBy(fileId: string, query: string): Promise<void> {
  await until(`${query} to be found`, async () => {
    const found = await call<unknown>(server, `/orgs/${project.orgId}/search`, { person, body: { query } });
    return JSON.stringify(found).includes(fileId) || undefined;
  });
}

it(
  "reads what was uploaded, so that it is found",
  async () => {
    const report = await upload("report.pdf", PDF, pdf("The halibut is a flatfish"));
    const letter = await upload("letter.docx", DOCX, docx(["Dear Ada,", "the plaice was excellent."]));
    const picture = await upload("turbot.png", "image/png", new Uint8Array([0x89, 0x50, 0x4e, 0x47]));
    expect(await Promise.all([report, letter, picture].map(processed))).toEqual(Array(3).fill("complete"));
    await isFoundBy(report, "halibut");
    await isFoundBy(letter, "plaice");
    await isFoundBy(picture, "turbot");
  },
  PATIENCE_MS * 3,
);

it(
  "says of what would unpack without end that it cannot be read, and reads on",
  async () => {
    const bomb = zip({ "word/document.xml": `<w:document><w:body>${" ".repeat(BOMB_BYTES)}` });
    expect(bomb.length).toBeLessThan(1 << 20);
    const failed = await upload("bomb.docx", DOCX, bomb);
    const broken = await upload("broken.pdf", PDF, new TextEncoder().encode("%PDF-1.7\nnothing"));
    const fine = await upload("fine.txt", "text/plain", new TextEncoder().encode("Calm waters."));
    expect(await processed(failed)).toBe("failed");
    expect(await processed(broken)).toBe("failed");
    expect(await processed(fine)).toBe("complete");
    const { processingError } = await call<{ processingError: string }>(server, `/files/${failed}`, {
      person,
    });
    expect(processingError).toContain("unpacks to more than");
    await isFoundBy(failed, "bomb.docx");
    await isFoundBy(fine, "calm waters");
  },
  PATIENCE_MS * 3,
);

function extract(contentType: string, input: Uint8Array): { status: number | null; said: unknown } {
  const args = ["extract-text", `--content-type=${contentType}`, "--filename=-x.bin"];
  // Without an environment: it needs no database, and no secret.
  const { status, stdout } = spawnSync(program(), args, { input, env: {}, maxBuffer: 16 << 20 });
  return { status, said: stdout.length > 0 ? JSON.parse(stdout.toString()) : null };
}

it("has a command that reads a single file", () => {
  const text = { text: "one\ntwo", truncated: false };
  expect(extract(DOCX, docx(["one", "two"]))).toEqual({ status: 0, said: text });
  expect(extract("image/png", new Uint8Array([1]))).toEqual({ status: 0, said: {} });
  const failed = extract(PDF, new Uint8Array(10));
  expect(failed).toMatchObject({ status: 1, said: { error: expect.stringContaining("cannot be read") } });
  const long = extract("text/plain", new TextEncoder().encode("a".repeat(2_000_000)));
  expect(long).toMatchObject({ status: 0, said: { truncated: true } });
});
