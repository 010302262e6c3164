import { LockHeldError } from "@glassbox/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  append,
  changesOf,
  isSynced,
  openedAfresh,
  openSdk,
  openStock,
  presenceOf,
  reads,
  textOf,
  until,
} from "../clients";
import { createLockedProject, createNode, type Person, type Project } from "../rest";
import { Server } from "../server";

let server: Server;
let ada: Person;
let vera: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  ({ owner: ada, member: vera, project } = await createLockedProject(server));
});

afterAll(() => server.remove());

it("refuses what a stock client writes while somebody else has the lock, and takes it afterwards (G28, Y4)", async () => {
  const node = await createNode(server, project, ada);
  const holder = openSdk(server, `node:${node}`, ada.token);
  const other = openStock(server, `node:${node}`, vera.token);
  await Promise.all([holder.whenSynced, isSynced(other)]);
  const lock = await holder.client.acquireLock(node);
  expect(lock).toMatchObject({ enforced: true, lockedBy: ada.id });
  append(holder.doc, "the holder's. ");
  await reads(other.doc, "the holder's.");

  const reasons: string[] = [];
  other.provider.messageHandlers[2] = (_encoder, decoder) => {
    reasons.push(new TextDecoder().decode(decoder.arr.slice(decoder.pos + 2)));
  };
  append(other.doc, "the other's. ");
  // What the other sends next is handled after the edit, so that the edit would be there by now.
  other.provider.awareness.setLocalStateField("said", "something");
  const said = () => [...holder.awareness.getStates().values()].some((state) => state.said === "something");
  await until("the other's presence", said, [presenceOf(holder.awareness)]);
  expect(textOf(holder.doc)).not.toContain("the other's");
  expect(textOf(await openedAfresh(server, `node:${node}`, ada.token))).toBe("the holder's. ");
  expect(reasons, "it is told why").toEqual([expect.stringContaining("Ada")]);

  await holder.client.releaseLock(node);
  await reads(holder.doc, "the other's.");
});

it("keeps what is refused for a lock in the client, which says why, and saves it once the lock has ended (G28)", async () => {
  const node = await createNode(server, project, ada);
  const holder = openSdk(server, `node:${node}`, ada.token);
  const other = openSdk(server, `node:${node}`, vera.token);
  await Promise.all([holder.whenSynced, other.whenSynced]);
  await holder.client.acquireLock(node);
  await expect(other.client.acquireLock(node)).rejects.toThrow(LockHeldError);
  append(other.doc, "patient");
  await until("the edit to be refused for now", () => other.saved.value.state === "behind", [
    changesOf(other.saved),
  ]);
  expect(textOf(holder.doc)).toBe("");
  // Whoever leaves lets go.
  await holder.client.close();
  await until(
    "the edit to be saved",
    () => other.saved.value.state === "saved",
    [changesOf(other.saved)],
    30_000,
  );
  expect(textOf(await openedAfresh(server, `node:${node}`, ada.token))).toBe("patient");
  expect(await other.client.acquireLock(node)).toMatchObject({ lockedBy: vera.id, fencingToken: 2 });
});
