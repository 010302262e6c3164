import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { Balancer } from "./balancer";
import { changesOf, openedAfresh, openSdk, openStock, until, untilEqual } from "./clients";
import { isSaved, open } from "./hocuspocus/providers";
import { Redis } from "./redis";
import { createDocument, createProject, type Person, signIn } from "./rest";
import { Server } from "./server";

/** Milliseconds between two edits of a writer. */
const EDIT_MS = 15;
/** How long all may take to be in sync again. */
const SETTLE_MS = 60_000;
/** How long an instance says that it is not ready before it tells its clients. */
const LEAVE_SECONDS = 1;

let redis: Redis;
/** Holds the database, and is not restarted. */
let base: Server;
let instances: readonly Server[];
let ada: Person;
let document: string;

beforeAll(async () => {
  redis = await Redis.start();
  const settings = {
    REDIS_URL: redis.url,
    GLASSBOX_AUTH_TOKEN_SECRET: "the same on every instance of this test",
  };
  base = await Server.start({ settings });
  const others = {
    settings: {
      ...settings,
      DATABASE_URL: base.databaseUrl,
      GLASSBOX_SERVER_LEAVE_SECONDS: String(LEAVE_SECONDS),
    },
  };
  instances = [await Server.start(others), await Server.start(others), await Server.start(others)];
  ada = await signIn(base, "Ada");
  document = await createDocument(base, await createProject(base, ada), ada);
}, 120_000);

afterAll(async () => {
  for (const instance of instances ?? []) await instance.remove();
  await base?.remove();
  await redis?.remove();
}, 120_000);

it("restarts every instance under writers without a lost edit or a reload (G20, H11)", async () => {
  const balancer = await Balancer.start(instances);
  const sdk = [0, 1, 2].map(() => openSdk(balancer, document, ada.token));
  const stock = [0, 1, 2].map(() => openStock(balancer, document, ada.token));
  const hocuspocus = ([3, 4] as const).map((version) =>
    open(balancer, version, document, { document: new Y.Doc(), token: ada.token }),
  );
  const docs = [...sdk, ...stock].map(({ doc }) => doc).concat(hocuspocus.map((it) => it.document));
  const clientIds = docs.map((doc) => doc.clientID);
  await Promise.all(sdk.map((provider) => provider.whenSynced));

  const made = docs.map(() => 0);
  let isWriting = true;
  const writing = docs.map(async (doc, index) => {
    while (isWriting) {
      doc.getArray(`writer ${index}`).push([made[index]]);
      made[index] = (made[index] ?? 0) + 1;
      await pause(EDIT_MS);
    }
  });

  for (const instance of instances) {
    const stopping = instance.stop();
    await untilUnready(instance);
    expect(await stopping, "the instance ended in order").toBe(0);
    // Nobody else brings it: what was confirmed until now is in the log.
    const confirmed = sdk.map((provider, index) => (made[index] ?? 0) - provider.saved.value.unconfirmed);
    const stored = await openedAfresh(base, document, ada.token);
    for (const [index, count] of confirmed.entries()) {
      expect(stored.getArray(`writer ${index}`).length).toBeGreaterThanOrEqual(count);
    }
    await instance.start();
    await balancer.uses(instance);
  }
  isWriting = false;
  await Promise.all(writing);

  for (const provider of sdk) {
    const saved = () => provider.saved.value.state === "saved";
    await until("all edits to be saved", saved, [changesOf(provider.saved)], SETTLE_MS);
  }
  for (const provider of hocuspocus) await isSaved(provider, SETTLE_MS);
  const text = (doc: Y.Doc) =>
    JSON.stringify(docs.map((_, index) => doc.getArray(`writer ${index}`).toArray()));
  await untilEqual(docs, text);
  const expected = made.map((count) => Array.from({ length: count }, (_, edit) => edit));
  expect(JSON.parse(text(await openedAfresh(base, document, ada.token)))).toEqual(expected);
  expect(docs.map((doc) => doc.clientID)).toEqual(clientIds);
  expect(sdk.every((provider) => provider.client.status.value === "connected")).toBe(true);
  expect(stock.every(({ provider }) => provider.wsconnected)).toBe(true);
}, 180_000);

/** Resolves when an instance that serves still says that it is not ready. */
async function untilUnready(instance: Server): Promise<void> {
  const until = Date.now() + LEAVE_SECONDS * 1000;
  while (Date.now() < until) {
    const { status } = await fetch(`${instance.httpUrl}/ready`);
    const alive = await fetch(`${instance.httpUrl}/health`);
    if (status === 503) {
      expect(alive.status, "it still serves").toBe(200);
      return;
    }
  }
  throw new Error("the instance never said that it is not ready");
}
