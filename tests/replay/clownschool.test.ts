import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  isSynced,
  openedAfresh,
  openSdk,
  openStock,
  PATIENCE_MS,
  seededRandom,
  textOf,
  until,
  updatesOf,
} from "../clients";
import { Line } from "../line";
import {
  addToProject,
  createDocument,
  createProject,
  type Person,
  type Project,
  signIn,
  snapshot,
} from "../rest";
import { Server, within } from "../server";
import { type Player, play, type Weather } from "./replay";
import { clownschool } from "./trace";

const trace = clownschool();
/** A line breaks once in so many transactions, on average. */
const STORMY = 300;
const SEED = 20_231_122;

let server: Server;
let people: Person[];
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  people = await Promise.all(
    ["Ada", "Ben", "Cleo"].slice(0, trace.numAgents).map((name) => signIn(server, name)),
  );
  const [owner, ...others] = people as [Person, ...Person[]];
  project = await createProject(server, owner);
  for (const other of others) await addToProject(server, project, owner, other, "member");
});

afterAll(() => server.remove());

interface Client extends Player {
  /** Resolves when everything is at the server, and where the protocol can say so, on disk. */
  delivered(): Promise<void>;
  close(): Promise<void>;
}

describe.each([{ weather: "steady lines" }, { weather: "lines that break", every: STORMY }])(
  "a recording of people who typed at the same time, over $weather",
  ({ every }) => {
    const weather = (): Weather | undefined => (every ? { every, random: seededRandom(SEED) } : undefined);

    it("ends as recorded through /ws, and every confirmed edit survives a kill (G13, D2)", async () => {
      const name = await createDocument(server, project, people[0] as Person);
      await playThrough(name, (person) => ownClient(name, person), weather());
      await server.kill();
      await server.start();
      await expectStored(name);
    });

    it("ends as recorded through /yjs, and is there after a restart (Y1, D2)", async () => {
      const name = await createDocument(server, project, people[0] as Person);
      await playThrough(name, (person) => stockClient(name, person), weather());
      await server.stop();
      await server.start();
      await expectStored(name);
    });
  },
);

async function playThrough(name: string, open: (person: Person) => Client, weather?: Weather): Promise<void> {
  const clients = people.map(open);
  await play(trace, clients, weather);
  const isDone = (doc: Y.Doc) => textOf(doc) === trace.endContent;
  await Promise.all(
    clients.map(({ doc }, agent) =>
      until(`agent ${agent} to have it all`, () => isDone(doc), [updatesOf(doc)]),
    ),
  );
  await Promise.all(clients.map((client) => client.delivered()));
  await expectStored(name);
  // What is stored must not be helped by who has it, too.
  await Promise.all(clients.map((client) => client.close()));
}

/** Checks the document as people see it who come new, and as REST hands it out. */
async function expectStored(name: string): Promise<void> {
  const reader = people[1] as Person;
  expect(textOf(await openedAfresh(server, name, reader.token))).toBe(trace.endContent);
  const fromRest = new Y.Doc();
  Y.applyUpdate(fromRest, await snapshot(server, reader, name));
  expect(textOf(fromRest)).toBe(trace.endContent);
}

function ownClient(name: string, person: Person): Client {
  const line = new Line();
  const provider = openSdk(server, name, person.token, { WebSocket: line.WebSocket });
  return {
    doc: provider.doc,
    line,
    delivered: () => within(PATIENCE_MS, "everything to be saved", provider.whenSaved()),
    close: () => within(PATIENCE_MS, "the document to be detached", provider.close()),
  };
}

function stockClient(name: string, person: Person): Client {
  const line = new Line();
  const stock = openStock(server, name, person.token, {
    WebSocketPolyfill: line.WebSocket as unknown as typeof globalThis.WebSocket,
  });
  return {
    doc: stock.doc,
    line,
    // All have all, so that all was at the server.
    delivered: () => isSynced(stock),
    close: async () => stock.provider.destroy(),
  };
}
