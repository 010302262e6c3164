import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  afterTest,
  append,
  changesOf,
  closed,
  isSynced,
  openSdk,
  openStock,
  PATIENCE_MS,
  presenceOf,
  reads,
  type Stock,
  textOf,
  until,
  untilEqual,
} from "./clients";
import { Redis } from "./redis";
import {
  addToProject,
  call,
  createDocument,
  createNode,
  createProject,
  enforceLocks,
  type Person,
  type Project,
  signIn,
} from "./rest";
import { Server, within } from "./server";

/** Seconds until who is not heard of any more is gone. */
const PRESENCE_TIMEOUT_SECONDS = 5;
/** Clients of these tests say that they are here more often than others do. */
const SIGN_OF_LIFE_MS = 500;
/** How long a change of access may take to be felt. Checks that are due by themselves are an hour away. */
const NEWS_MS = 1000;

let redis: Redis;
/** The first holds the database; all of them serve the same documents. */
let instances: readonly [Server, Server, Server];
let ada: Person;
let vera: Person;
let project: Project;
let document: string;

beforeAll(async () => {
  redis = await Redis.start();
  const settings = {
    REDIS_URL: redis.url,
    GLASSBOX_AUTH_TOKEN_SECRET: "the same on every instance of this test",
    GLASSBOX_LIMITS_HEAD_CHECK_MS: "200",
    // Whatever is quick is not so because the database was asked.
    GLASSBOX_LIMITS_HEAD_CHECK_WITH_REDIS_MS: "3600000",
    GLASSBOX_LIMITS_ACCESS_CHECK_SECONDS: "3600",
    GLASSBOX_LIMITS_PRESENCE_TIMEOUT_SECONDS: String(PRESENCE_TIMEOUT_SECONDS),
  };
  const first = await Server.start({ settings });
  const others = { settings: { ...settings, DATABASE_URL: first.databaseUrl } };
  instances = [first, await Server.start(others), await Server.start(others)];
  [ada, vera] = [await signIn(first, "Ada"), await signIn(first, "Vera")];
  project = await createProject(first, ada);
  await addToProject(first, project, ada, vera, "member");
  document = await createDocument(first, project, ada);
}, 120_000);

afterAll(async () => {
  for (const instance of [...(instances ?? [])].reverse()) await instance.remove();
  await redis?.remove();
}, 120_000);

it("lets clients of three instances write together while Redis dies and comes back", async () => {
  const clients = instances.map((instance) => openStock(instance, document, ada.token));
  const own = openSdk(instances[1], document, ada.token);
  await Promise.all([...clients.map(isSynced), within(PATIENCE_MS, "the client to sync", own.whenSynced)]);
  const docs = [...clients.map(({ doc }) => doc), own.doc];
  const writeAll = async (round: string) => {
    for (let word = 0; word < 10; word += 1) {
      for (const [index, doc] of docs.entries()) append(doc, `${round} ${index} ${word}. `);
    }
    for (const doc of docs) for (const index of docs.keys()) await reads(doc, `${round} ${index} 9. `);
    await untilEqual(docs, textOf);
  };
  await writeAll("with Redis");
  expect(await readiness()).toEqual(["up", "up", "up"]);
  await redis.kill();
  await writeAll("without Redis");
  await untilReadiness("degraded");
  await writeAll("still without Redis");
  await redis.start();
  await untilReadiness("up");
  await writeAll("with Redis again");
  await until("everything to be saved", () => own.saved.value.state === "saved", [changesOf(own.saved)]);
});

it("shows who is here through all instances, until theirs is killed", async () => {
  const [first, second, third] = instances;
  const name = await createDocument(first, project, ada);
  const [here, there] = [openStock(first, name, ada.token), openStock(third, name, vera.token)];
  await Promise.all([isSynced(here), isSynced(there)]);
  signsOfLife(here);
  signsOfLife(there);
  await sees(here, "Vera");
  await sees(there, "Ada");
  append(there.doc, "written before the end");
  await reads(here.doc, "written before the end");

  there.provider.disconnect();
  await sees(here, null);
  there.provider.connect();
  await sees(here, "Vera");

  there.provider.shouldConnect = false;
  await third.kill();
  await sees(here, null);
  expect(textOf(here.doc)).toBe("written before the end");

  // She comes back through another one, with what she wrote meanwhile.
  append(there.doc, ", and after it");
  const back = openStock(second, name, vera.token, { doc: there.doc });
  signsOfLife(back);
  await reads(here.doc, "written before the end, and after it");
  await sees(here, "Vera");
  await third.start();
});

it("tells who may only read from now on, and who may write again, on another instance within a second (G10)", async () => {
  const [first, second] = instances;
  await untilReadiness("up");
  const name = await createDocument(first, project, ada);
  const client = openSdk(second, name, vera.token);
  await within(PATIENCE_MS, "the client to sync", client.whenSynced);
  append(client.doc, "allowed");
  await until("the edit to be saved", () => client.saved.value.state === "saved", [changesOf(client.saved)]);
  for (const [role, access] of [
    ["viewer", "read"],
    ["member", "write"],
  ] as const) {
    await addToProject(first, project, ada, vera, role);
    await until(
      `the client to ${access}`,
      () => client.access.value === access,
      [changesOf(client.access)],
      NEWS_MS,
    );
  }
});

it("closes out on other instances who is taken out of the project, within a second (G10)", async () => {
  const [first, second, third] = instances;
  await untilReadiness("up");
  const name = await createDocument(first, project, ada);
  const [client, stock] = [openSdk(second, name, vera.token), openStock(third, name, vera.token)];
  await Promise.all([within(PATIENCE_MS, "the client to sync", client.whenSynced), isSynced(stock)]);
  const isEnded = () => client.error.value?.code === "ACCESS_ENDED";
  const ended = until("the end of access", isEnded, [changesOf(client.error)]);
  const code = closed(stock);
  await call(first, `/projects/${project.id}/members/${vera.id}`, { person: ada, method: "DELETE" });
  await within(NEWS_MS, "the end of access to be felt", Promise.all([ended, code]));
  expect(await code).toBe(4403);
  await addToProject(first, project, ada, vera, "member");
});

it("enforces a lock on all instances, and asks for what was refused on each when it ends (G28)", async () => {
  const [first, second, third] = instances;
  await enforceLocks(first, project, ada);
  const node = await createNode(first, project, ada);
  const holder = openSdk(first, `node:${node}`, ada.token);
  const others = [openSdk(second, `node:${node}`, vera.token), openSdk(third, `node:${node}`, vera.token)];
  const all = [holder, ...others];
  await within(PATIENCE_MS, "the clients to sync", Promise.all(all.map(({ whenSynced }) => whenSynced)));
  await holder.client.acquireLock(node);
  append(holder.doc, "the holder's. ");
  for (const { doc } of others) await reads(doc, "the holder's.");
  const refused: string[] = [];
  for (const [index, other] of others.entries()) {
    refused.push(await writeUntilRefused(other, `of the other ${index}`));
    await expect(other.client.acquireLock(node)).rejects.toMatchObject({ code: "LOCK_HELD" });
  }
  for (const words of refused) expect(textOf(holder.doc)).not.toContain(words);
  await holder.client.releaseLock(node);
  for (const { saved } of others)
    await until("an edit to be saved", () => saved.value.state === "saved", [changesOf(saved)]);
  await untilEqual(
    all.map(({ doc }) => doc),
    textOf,
  );
  for (const words of refused) expect(textOf(holder.doc)).toContain(words);
});

/** An instance hears of a lock that was taken on another one a moment later, so that the first words may still be saved. */
async function writeUntilRefused({ doc, saved }: ReturnType<typeof openSdk>, words: string): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const written = `${words}, attempt ${attempt}. `;
    append(doc, written);
    const isOver = () => ["saved", "behind"].includes(saved.value.state);
    await until("an edit to be saved or refused", isOver, [changesOf(saved)]);
    if (saved.value.state === "behind") return written;
  }
}

async function readiness(): Promise<string[]> {
  const answers = instances.map(async (instance) => {
    const response = await fetch(`${instance.httpUrl}/ready`);
    expect(response.status, "an instance without Redis is ready").toBe(200);
    return ((await response.json()) as { status: string }).status;
  });
  return Promise.all(answers);
}

async function untilReadiness(status: string): Promise<void> {
  const reached = async () => {
    while ((await readiness()).some((one) => one !== status)) await pause(50);
  };
  await within(PATIENCE_MS, `all instances to be ${status}`, reached());
}

function signsOfLife({ provider }: Stock): void {
  let beat = 0;
  const timer = setInterval(() => {
    beat += 1;
    provider.awareness.setLocalStateField("beat", beat);
  }, SIGN_OF_LIFE_MS);
  afterTest(() => clearInterval(timer));
}

/** Waits until a client sees this person and nobody else, or nobody, under the name that the servers gave them. */
function sees({ doc, provider }: Stock, name: string | null): Promise<void> {
  const others = () => {
    const states = [...provider.awareness.getStates()].filter(([client]) => client !== doc.clientID);
    return states.map(([, state]) => state.user?.name);
  };
  return until(
    name === null ? "nobody else to be seen" : `${name} to be seen`,
    () => JSON.stringify(others()) === JSON.stringify(name === null ? [] : [name]),
    [presenceOf(provider.awareness)],
    PRESENCE_TIMEOUT_SECONDS * 1000 + PATIENCE_MS,
  );
}
