import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { append, openedAfresh, reads, textOf, until } from "../clients";
import { addToProject, createDocument, createProject, type Person, type Project, signIn } from "../rest";
import { Server, within } from "../server";
import {
  eventsOf,
  hasScope,
  isDenied,
  isSaved,
  isSynced,
  open,
  openSocket,
  type Provider,
  VERSIONS,
} from "./providers";

/** Tokens are good for so long, and are asked for again a minute before they end. */
const TOKEN_SECONDS = 63;
const RENEWAL_MS = 15_000;

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start({
    settings: {
      GLASSBOX_AUTH_TOKEN_TTL_SECONDS: String(TOKEN_SECONDS),
      GLASSBOX_LIMITS_ACCESS_CHECK_SECONDS: "1",
    },
  });
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

beforeEach(async () => {
  ada = await signIn(server, "Ada");
});

/** A token that has its whole life before it. */
async function freshToken(person: Person): Promise<string> {
  return (await signIn(server, person.name, person.email)).token;
}

async function someone(name: string, role: "member" | "viewer"): Promise<Person> {
  const person = await signIn(server, name);
  await addToProject(server, project, ada, person, role);
  return person;
}

/** Resolves with the reason with which the server closes the provider's document. */
function isClosed(provider: Provider): Promise<string> {
  const closed = new Promise<string>((resolve) => {
    provider.on("close", ({ event }: { event: { reason: string } }) => resolve(event.reason));
  });
  return within(RENEWAL_MS, "the document to be closed", closed);
}

describe.each(VERSIONS)("version $version of the provider", ({ version }) => {
  it("lets a viewer read and refuses what a viewer writes (H6)", async () => {
    const vera = await someone(`Vera${version}`, "viewer");
    const name = await createDocument(server, project, ada);
    const writer = open(server, version, name, { token: () => freshToken(ada) });
    const reader = open(server, version, name, { token: () => freshToken(vera) });
    await Promise.all([isSaved(writer), isSaved(reader)]);
    expect([writer.authorizedScope, reader.authorizedScope]).toEqual(["read-write", "readonly"]);
    append(writer.document, "for all to read. ");
    await reads(reader.document, "for all to read.");
    append(reader.document, "forged. ");
    // What comes next on the reader's socket is handled after the edit.
    reader.setAwarenessField("said", "something");
    const said = () => [...(writer.awareness?.getStates().values() ?? [])].some((state) => state.said);
    await until("the reader's presence", said, [eventsOf(writer, "awarenessChange")]);
    expect(textOf(writer.document)).not.toContain("forged");
    expect(reader.hasUnsyncedChanges).toBe(true);
    expect(textOf(await openedAfresh(server, name, await freshToken(ada)))).toBe("for all to read. ");
  });

  it("is told when it may write and when it may no longer (H8)", async () => {
    const mia = await someone(`Mia${version}`, "member");
    const name = await createDocument(server, project, ada);
    const provider = open(server, version, name, { token: () => freshToken(mia) });
    await hasScope(provider, "read-write");
    await addToProject(server, project, ada, mia, "viewer");
    await hasScope(provider, "readonly");
    await addToProject(server, project, ada, mia, "member");
    await hasScope(provider, "read-write");
    append(provider.document, "again");
    await isSaved(provider);
  });

  it("is denied what it may not see as what does not exist, and stays on its socket (H3)", async () => {
    const stranger = await signIn(server, `Stranger${version}`);
    const name = await createDocument(server, project, ada);
    const socket = openSocket(server, version);
    const welcome = open(server, version, `scratch:welcome-${version}`, { socket });
    const unknown = "doc:00000000-0000-4000-8000-000000000000";
    const foreign = open(server, version, name, { socket, token: stranger.token });
    const missing = open(server, version, unknown, { socket, token: stranger.token });
    const invalid = open(server, version, "my-document", { socket, token: stranger.token });
    expect(await Promise.all([foreign, missing, invalid].map(isDenied))).toEqual([
      "permission-denied",
      "permission-denied",
      "invalid-document-name",
    ]);
    append(foreign.document, "not for you");
    append(welcome.document, "the socket works");
    await isSaved(welcome);
    expect([foreign.synced, foreign.hasUnsyncedChanges]).toEqual([false, true]);
    // With access, the same provider comes in by another token.
    await addToProject(server, project, ada, stranger, "member");
    await foreign.sendToken();
    foreign.startSync();
    await isSaved(foreign);
    expect(textOf(await openedAfresh(server, name, await freshToken(ada)))).toBe("not for you");
  });

  it("is asked for another token before its own ends (H8)", async () => {
    const name = await createDocument(server, project, ada);
    let asked = 0;
    const token = () => {
      asked += 1;
      return freshToken(ada);
    };
    const provider = open(server, version, name, { token });
    await isSynced(provider);
    expect(asked).toBe(1);
    let renewed = 0;
    provider.on("authenticated", () => {
      renewed += 1;
    });
    await until(
      "the token to be renewed",
      () => renewed === 1,
      [eventsOf(provider, "authenticated")],
      RENEWAL_MS,
    );
    expect([asked, provider.synced]).toEqual([2, true]);
    append(provider.document, "on the same connection");
    await isSaved(provider);
  });

  it("loses a document when its member is removed, and keeps the others (H8)", async () => {
    const mo = await someone(`Mo${version}`, "member");
    const name = await createDocument(server, project, ada);
    const socket = openSocket(server, version);
    const provider = open(server, version, name, { socket, token: () => freshToken(mo) });
    const other = open(server, version, `scratch:other-${version}`, { socket });
    await Promise.all([isSaved(provider), isSaved(other)]);
    const [denied, closed] = [isDenied(provider), isClosed(provider)];
    server.sql(
      `DELETE FROM org_members WHERE user_id = '${mo.id}'; DELETE FROM project_members WHERE user_id = '${mo.id}'`,
    );
    expect(await Promise.all([denied, closed])).toEqual(["permission-denied", "permission-denied"]);
    expect([provider.isAuthenticated, provider.synced]).toEqual([false, false]);
    append(provider.document, "too late");
    append(other.document, "goes on");
    await isSaved(other);
    expect(textOf(await openedAfresh(server, name, await freshToken(ada)))).toBe("");
  });
});
