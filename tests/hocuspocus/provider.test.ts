import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  append,
  isSynced as isStockSynced,
  openedAfresh,
  openSdk,
  openStock,
  presenceOf,
  reads,
  textOf,
  until,
  untilEqual,
} from "../clients";
import { Line } from "../line";
import { createDocument, createProject, type Person, type Project, signIn, socketToken } from "../rest";
import { Server } from "../server";
import { eventsOf, isSaved, isSynced, open, openSocket, statelessOf, VERSIONS } from "./providers";

let server: Server;
let ada: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  ada = await signIn(server, "Ada");
  project = await createProject(server, ada);
});

afterAll(() => server.remove());

describe.each(VERSIONS)("version $version of the provider, unchanged", ({ version }) => {
  const scratch = (name: string) => `scratch:${name}-${version}`;

  it("syncs two documents on one socket (H1)", async () => {
    const names = [await createDocument(server, project, ada), await createDocument(server, project, ada)];
    const socket = openSocket(server, version);
    const here = names.map((name) => open(server, version, name, { socket, token: ada.token }));
    const there = names.map((name) => open(server, version, name, { token: ada.token }));
    await Promise.all([...here, ...there].map(isSynced));
    for (const [index, { document }] of here.entries()) append(document, `to ${index}. `);
    for (const [index, { document }] of there.entries()) {
      await reads(document, `to ${index}.`);
      append(document, `back to ${index}. `);
    }
    for (const [index, { document }] of here.entries()) {
      await reads(document, `back to ${index}.`);
      expect(textOf(document)).toBe(`to ${index}. back to ${index}. `);
    }
    await Promise.all([...here, ...there].map((provider) => isSaved(provider)));
  });

  it("merges what was written at both ends at the same time, and offline before (H5)", async () => {
    const name = scratch("both");
    const documents = [new Y.Doc(), new Y.Doc()] as const;
    for (const [index, document] of documents.entries()) append(document, `offline ${index}. `);
    const providers = documents.map((document) => open(server, version, name, { document }));
    for (let round = 0; round < 50; round += 1) {
      for (const [index, document] of documents.entries()) append(document, `${index}:${round} `);
      if (round % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(providers.map((provider) => isSaved(provider)));
    await untilEqual(documents, textOf);
    for (const words of ["offline 0.", "offline 1.", "0:49", "1:49"]) await reads(documents[0], words);
    expect(textOf(await openedAfresh(server, name))).toBe(textOf(documents[0]));
  });

  it("works with the other version, with y-websocket and with the project's own client in one document", async () => {
    const name = await createDocument(server, project, ada);
    const token = ada.token;
    const providers = [
      open(server, version, name, { token }),
      open(server, version === 3 ? 4 : 3, name, { token }),
    ];
    const stock = openStock(server, name, token);
    const own = openSdk(server, name, token);
    await Promise.all([...providers.map(isSynced), isStockSynced(stock), own.whenSynced]);
    const documents = [...providers.map(({ document }) => document), stock.doc, own.doc];
    for (const [index, writer] of documents.entries()) {
      append(writer, `from ${index}. `);
      for (const reader of documents) await reads(reader, `from ${index}.`);
    }
    await Promise.all([...providers.map((provider) => isSaved(provider)), own.whenSaved()]);
  });

  it("keeps its count of unsynced changes to the letter (H6)", async () => {
    const provider = open(server, version, scratch("count"));
    await isSaved(provider);
    const counts: number[] = [];
    provider.on("unsyncedChanges", ({ number }: { number: number }) => counts.push(number));
    for (let edit = 0; edit < 20; edit += 1) append(provider.document, "x");
    expect(provider.unsyncedChanges).toBe(20);
    await isSaved(provider);
    expect(counts.filter((count) => count === 0)).toHaveLength(1);
    // A status too many would take away from the next change.
    provider.forceSync();
    append(provider.document, "y");
    expect(provider.unsyncedChanges).toBe(2);
    await isSaved(provider);
    append(provider.document, "z");
    expect(provider.unsyncedChanges).toBe(1);
    await isSaved(provider);
  });

  it("sees who is here with the identity of their token, and who is gone (P1, P5, H7)", async () => {
    const name = await createDocument(server, project, ada);
    const bea = await signIn(server, `Bea${version}`);
    server.sql(
      `INSERT INTO org_members (org_id, user_id, role) VALUES ('${project.orgId}', '${bea.id}', 'member')`,
    );
    const here = open(server, version, name, { token: ada.token });
    const liar = open(server, version, name, { token: bea.token });
    liar.setAwarenessField("user", { name: "The director", id: "1" });
    liar.setAwarenessField("mood", "sly");
    const awareness = here.awareness;
    if (!awareness) throw new Error("the provider has awareness");
    const seen = () => [...awareness.getStates().values()].find((state) => state.mood === "sly");
    await until("them to be seen", () => seen() !== undefined, [presenceOf(awareness)]);
    expect(seen()?.user).toMatchObject({ id: bea.id, name: bea.name, kind: "human" });
    liar.destroy();
    await until("them to be gone", () => seen() === undefined, [presenceOf(awareness)]);
  });

  it("sends messages of the application to the others (H9)", async () => {
    const name = scratch("stateless");
    const providers = [
      open(server, version, name),
      open(server, version, name),
      open(server, version === 3 ? 4 : 3, name),
    ];
    const [sender, ...others] = providers as [(typeof providers)[0], ...typeof providers];
    await Promise.all(providers.map(isSynced));
    const own = statelessOf(sender);
    const heard = others.map(statelessOf);
    sender.sendStateless('{"published":true}');
    for (const [index, other] of others.entries()) {
      await until("the message", () => heard[index]?.[0] === '{"published":true}', [
        eventsOf(other, "stateless"),
      ]);
    }
    others[0]?.sendStateless("back");
    await until("the answer", () => own[0] === "back", [eventsOf(sender, "stateless")]);
    expect(own).toEqual(["back"]);
  });

  it("opens a document again on the same socket (H10)", async () => {
    const name = scratch("again");
    const socket = openSocket(server, version);
    const kept = open(server, version, scratch("kept"), { socket });
    const first = open(server, version, name, { socket });
    await Promise.all([isSynced(first), isSynced(kept)]);
    append(first.document, "typed and left");
    first.destroy();
    const second = open(server, version, name, { socket });
    await reads(second.document, "typed and left");
    append(kept.document, "x");
    await Promise.all([isSaved(second), isSaved(kept)]);
  });

  it("asks for a token anew for each connection", async () => {
    const name = await createDocument(server, project, ada);
    const line = new Line();
    let asked = 0;
    const token = async () => {
      asked += 1;
      return socketToken(server, ada);
    };
    const provider = open(server, version, name, { token, socket: openSocket(server, version, line) });
    await isSynced(provider);
    line.cut();
    await until("the line to be seen broken", () => !provider.synced, [
      eventsOf(provider, "disconnect", "close"),
    ]);
    append(provider.document, "meanwhile");
    line.mend();
    await isSaved(provider);
    expect(asked).toBeGreaterThan(1);
    expect(textOf(await openedAfresh(server, name, ada.token))).toBe("meanwhile");
  });
});

it("named sessions of version 4 share a document and a socket (H1)", async () => {
  const socket = openSocket(server, 4);
  const name = "scratch:named-sessions";
  const sessions = [1, 2, 3].map(() => open(server, 4, name, { socket, sessionAwareness: true }));
  const plain = open(server, 4, name, { socket });
  await Promise.all([...sessions, plain].map(isSynced));
  const documents = [...sessions, plain].map(({ document }) => document);
  for (const [index, document] of documents.entries()) append(document, `from ${index}. `);
  await untilEqual(documents, textOf);
  for (const index of documents.keys()) await reads(documents[0] as Y.Doc, `from ${index}.`);
  await Promise.all([...sessions, plain].map((provider) => isSaved(provider)));
});

it("changes that version 4 collects before it sends them are counted as one (H6)", async () => {
  const provider = open(server, 4, "scratch:collected", { flushDelay: 20 });
  await isSaved(provider);
  for (let edit = 0; edit < 20; edit += 1) append(provider.document, "x");
  expect(provider.unsyncedChanges).toBe(1);
  await isSaved(provider);
  expect(textOf(await openedAfresh(server, "scratch:collected"))).toBe("x".repeat(20));
});
