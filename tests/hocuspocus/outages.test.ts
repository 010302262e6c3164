import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { afterTest, append, openedAfresh, reads, textOf, until, untilEqual } from "../clients";
import { createDocument, createProject, type Person, type Project, signIn } from "../rest";
import { Server } from "../server";
import { eventsOf, isSaved, isSynced, open, openSocket, statelessOf, VERSIONS } from "./providers";

/** Bytes of a document that may wait for the log; no update may be larger. */
const UNSAVED_BYTES = 65_536;
/** An eighth of that. */
const PAGE = "x".repeat(UNSAVED_BYTES / 8);
/** How long until a stalled commit is given up and made again, at most. */
const RECOVERY_MS = 40_000;

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start({
    settings: {
      GLASSBOX_LIMITS_UNSAVED_BYTES_PER_DOCUMENT: String(UNSAVED_BYTES),
      GLASSBOX_LIMITS_UPDATE_BYTES: String(UNSAVED_BYTES),
      GLASSBOX_LIMITS_HEARTBEAT_SECONDS: "2",
    },
  });
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

function haltDatabase(): void {
  server.pauseDatabase();
  afterTest(() => server.resumeDatabase());
}

describe.each(VERSIONS)("version $version of the provider", ({ version }) => {
  it("has no unsynced changes only once they are durable (D1, H6)", async () => {
    const name = await createDocument(server, project, ada);
    const token = ada.token;
    const [writer, reader] = [open(server, version, name, { token }), open(server, version, name, { token })];
    await Promise.all([isSaved(writer), isSaved(reader)]);
    const payloads = statelessOf(writer);
    haltDatabase();
    for (const words of ["relayed, ", "not ", "saved. "]) append(writer.document, words);
    await reads(reader.document, "relayed, not saved.");
    // The answer comes after anything that was said about the edits.
    reader.sendStateless("seen");
    await until("the answer", () => payloads.length === 1, [eventsOf(writer, "stateless")]);
    expect(writer.unsyncedChanges).toBe(3);
    server.resumeDatabase();
    await isSaved(writer, RECOVERY_MS);
    await server.kill();
    for (const provider of [writer, reader]) provider.configuration.websocketProvider.destroy();
    await server.start();
    expect(textOf(await openedAfresh(server, name, token))).toBe("relayed, not saved. ");
  });

  it("brings what was refused past the server's limit, without a new connection (D8, H6)", async () => {
    const name = await createDocument(server, project, ada);
    const token = ada.token;
    const [writer, reader] = [open(server, version, name, { token }), open(server, version, name, { token })];
    await Promise.all([isSaved(writer), isSaved(reader)]);
    let interrupted = 0;
    writer.on("disconnect", () => {
      interrupted += 1;
    });
    haltDatabase();
    for (let page = 0; page < 12; page += 1) append(writer.document, `page ${page} ${PAGE}. `);
    await reads(reader.document, "page 5 x");
    expect(writer.unsyncedChanges).toBe(12);
    server.resumeDatabase();
    await isSaved(writer, RECOVERY_MS);
    await reads(reader.document, "page 11 x");
    expect(interrupted).toBe(0);
    const stored = textOf(await openedAfresh(server, name, token));
    for (let page = 0; page < 12; page += 1) expect(stored).toContain(`page ${page} x`);
  });

  it.each([
    { how: "stopped", end: () => server.stop() },
    { how: "killed", end: () => server.kill() },
  ])("comes back after the server was $how, and brings what was written meanwhile (H11)", async ({ end }) => {
    const names = [
      await createDocument(server, project, ada),
      await createDocument(server, project, ada),
    ] as const;
    const token = ada.token;
    const socket = openSocket(server, version);
    const [first, second] = names.map((name) => open(server, version, name, { socket, token })) as [
      ReturnType<typeof open>,
      ReturnType<typeof open>,
    ];
    const witness = open(server, version, names[0], { token });
    await Promise.all([first, second, witness].map(isSynced));
    append(first.document, "before. ");
    await reads(witness.document, "before.");
    await end();
    append(first.document, "meanwhile. ");
    append(second.document, "meanwhile, too. ");
    append(witness.document, "elsewhere. ");
    await server.start();
    await Promise.all([first, second, witness].map((provider) => isSaved(provider)));
    await untilEqual([first.document, witness.document], textOf);
    expect(textOf(first.document)).toContain("meanwhile.");
    expect(textOf(first.document)).toContain("elsewhere.");
    expect(textOf(await openedAfresh(server, names[0], token))).toBe(textOf(first.document));
    expect(textOf(await openedAfresh(server, names[1], token))).toBe("meanwhile, too. ");
  });
});
