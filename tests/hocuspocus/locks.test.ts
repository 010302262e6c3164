import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { append, openSdk, presenceOf, reads, textOf, until } from "../clients";
import { createLockedProject, createNode, type Person, type Project } from "../rest";
import { Server } from "../server";
import { isSaved, open, VERSIONS } from "./providers";

let server: Server;
let ada: Person;
let vera: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  ({ owner: ada, member: vera, project } = await createLockedProject(server));
});

afterAll(() => server.remove());

describe.each(VERSIONS)("version $version of the provider", ({ version }) => {
  it("has unsynced changes until another's lock has ended, and none after (G28, H6)", async () => {
    const node = await createNode(server, project, ada);
    const holder = openSdk(server, `node:${node}`, ada.token);
    const other = open(server, version, `node:${node}`, { token: vera.token });
    await Promise.all([holder.whenSynced, isSaved(other)]);
    await holder.client.acquireLock(node);
    append(holder.doc, "the holder's. ");
    await reads(other.document, "the holder's.");
    append(other.document, "the other's. ");
    // What comes next on the other's socket is handled after the edit.
    other.setAwarenessField("said", "something");
    const said = () => [...holder.awareness.getStates().values()].some((state) => state.said);
    await until("the other's presence", said, [presenceOf(holder.awareness)]);
    expect(textOf(holder.doc)).toBe("the holder's. ");
    expect(other.hasUnsyncedChanges).toBe(true);

    await holder.client.releaseLock(node);
    await reads(holder.doc, "the other's.");
    await isSaved(other, 30_000);
  });
});
