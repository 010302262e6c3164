import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  append,
  closed,
  isSynced,
  openedAfresh,
  openSdk,
  openStock,
  presenceOf,
  reads,
  type Stock,
  textOf,
  until,
  untilEqual,
} from "../clients";
import { Line } from "../line";
import { addToProject, createDocument, createProject, type Person, signIn, socketToken } from "../rest";
import { Server } from "../server";

let server: Server;
let ada: Person;
let vera: Person;
let document: string;

beforeAll(async () => {
  server = await Server.start();
  [ada, vera] = await Promise.all([signIn(server, "Ada"), signIn(server, "Vera")]);
  const project = await createProject(server, ada);
  await addToProject(server, project, ada, vera, "viewer");
  document = await createDocument(server, project, ada);
});

afterAll(() => server.remove());

describe("y-websocket, unchanged", () => {
  it("syncs what is there and what follows (Y1)", async () => {
    const first = openStock(server, "scratch:sync");
    await isSynced(first);
    append(first.doc, "before ");
    const second = openStock(server, "scratch:sync");
    await reads(second.doc, "before");
    append(second.doc, "after");
    await reads(first.doc, "before after");
  });

  it("opens a document by its percent-encoded name, too (Y1)", async () => {
    const plain = openStock(server, "scratch:encoded");
    const encoded = openStock(server, encodeURIComponent("scratch:encoded"));
    await Promise.all([isSynced(plain), isSynced(encoded)]);
    append(encoded.doc, "the same document");
    await reads(plain.doc, "the same document");
  });

  it("merges what was written at both ends at the same time", async () => {
    const stocks = [openStock(server, "scratch:both"), openStock(server, "scratch:both")] as const;
    for (const [index, { doc }] of stocks.entries()) append(doc, `offline ${index}. `);
    await Promise.all(stocks.map(isSynced));
    for (const { doc } of stocks) await reads(doc, "offline 0.");
    for (const { doc } of stocks) await reads(doc, "offline 1.");
    await untilEqual(
      stocks.map(({ doc }) => doc),
      textOf,
    );
  });

  it("sees who is here, and who is gone (P5)", async () => {
    const here = openStock(server, "scratch:presence");
    const guest = openStock(server, "scratch:presence");
    guest.provider.awareness.setLocalStateField("user", { name: "Guest" });
    const guests = () => statesOf(here).filter((state) => nameOf(state) === "Guest").length;
    await until("the guest to be seen", () => guests() === 1, [presenceOf(here.provider.awareness)]);
    guest.provider.destroy();
    await until("the guest to be gone", () => guests() === 0, [presenceOf(here.provider.awareness)]);
  });

  it("sees those gone whose connection just broke (P5)", async () => {
    const line = new Line();
    const here = openStock(server, "scratch:broken");
    const lost = openStock(server, "scratch:broken", undefined, { WebSocketPolyfill: polyfill(line) });
    lost.provider.awareness.setLocalStateField("user", { name: "Lost" });
    const isSeen = () => statesOf(here).some((state) => nameOf(state) === "Lost");
    await until("them to be seen", isSeen, [presenceOf(here.provider.awareness)]);
    line.cut();
    await until("them to be gone", () => !isSeen(), [presenceOf(here.provider.awareness)]);
    line.mend();
    await until("them to be back", isSeen, [presenceOf(here.provider.awareness)]);
  });

  it("gets an identity from its token, not from what it says (P1)", async () => {
    const liar = openStock(server, document, ada.token);
    liar.provider.awareness.setLocalStateField("user", { name: "The director", id: "1" });
    liar.provider.awareness.setLocalStateField("mood", "sly");
    const reader = openStock(server, document, vera.token);
    const seen = () => statesOf(reader).find((state) => state.mood === "sly");
    await until("them to be seen", () => seen() !== undefined, [presenceOf(reader.provider.awareness)]);
    expect(seen()?.user).toMatchObject({ id: ada.id, name: "Ada", kind: "human" });
  });

  it.each([
    { how: "stopped", end: () => server.stop() },
    { how: "killed", end: () => server.kill() },
  ])("comes back after the server was $how, and brings what was written meanwhile", async ({ how, end }) => {
    const stocks = [openStock(server, `scratch:${how}`), openStock(server, `scratch:${how}`)] as const;
    await Promise.all(stocks.map(isSynced));
    append(stocks[0].doc, "before. ");
    await reads(stocks[1].doc, "before.");
    await end();
    for (const [index, { doc }] of stocks.entries()) append(doc, `meanwhile ${index}. `);
    await server.start();
    for (const { doc } of stocks) await reads(doc, "meanwhile 0.");
    for (const { doc } of stocks) await reads(doc, "meanwhile 1.");
    await untilEqual(
      stocks.map(({ doc }) => doc),
      textOf,
    );
    append(stocks[0].doc, "after.");
    await reads(stocks[1].doc, "after.");
  });

  it("asks for a token anew for each connection (Y5)", async () => {
    const line = new Line();
    const token = await socketToken(server, ada);
    let asked = 0;
    const params = {
      get token() {
        asked += 1;
        return token;
      },
    };
    const stock = openStock(server, document, undefined, { params, WebSocketPolyfill: polyfill(line) });
    await isSynced(stock);
    const before = asked;
    const lost = closed(stock);
    line.cut();
    await lost;
    line.mend();
    append(stock.doc, "by a getter");
    await isSynced(stock);
    expect(asked).toBeGreaterThan(before);
    await reads(openStock(server, document, ada.token).doc, "by a getter");
  });

  it("works with the project's own client in one document", async () => {
    const stock = openStock(server, document, ada.token);
    const own = openSdk(server, document, ada.token);
    await Promise.all([isSynced(stock), own.whenSynced]);
    append(stock.doc, "from y-websocket. ");
    await reads(own.doc, "from y-websocket.");
    append(own.doc, "from the client. ");
    await reads(stock.doc, "from the client.");
    await own.whenSaved();
  });

  it("lets a viewer read, and refuses what a viewer writes (D5, Y4)", async () => {
    const writer = openStock(server, document, ada.token);
    const viewer = openStock(server, document, vera.token);
    await Promise.all([isSynced(writer), isSynced(viewer)]);
    append(writer.doc, "for all to read. ");
    await reads(viewer.doc, "for all to read.");
    append(viewer.doc, "forged. ");
    // What the viewer sends next is handled after the edit, so that the edit would be there by now.
    viewer.provider.awareness.setLocalStateField("said", "something");
    await until("the viewer's presence", () => statesOf(writer).some((state) => state.said === "something"), [
      presenceOf(writer.provider.awareness),
    ]);
    expect(textOf(writer.doc)).not.toContain("forged");
    expect(textOf(await openedAfresh(server, document, ada.token))).not.toContain("forged");
  });

  it("is told for good that it may not come in (Y5)", async () => {
    const stranger = await signIn(server, "Stranger");
    const unknown = "doc:00000000-0000-4000-8000-000000000000";
    const cases = [
      { name: document, token: undefined, code: 4401 },
      { name: document, token: "no.such.token", code: 4401 },
      { name: document, token: stranger.token, code: 4404 },
      { name: unknown, token: ada.token, code: 4404 },
      { name: "no-name", token: ada.token, code: 4404 },
    ];
    for (const { name, token, code } of cases) {
      const stock = openStock(server, name, token);
      expect(await closed(stock), `${name} with ${token ? "a" : "no"} token`).toBe(code);
      expect(stock.provider.synced).toBe(false);
      expect(stock.provider.shouldConnect, "it does not try again").toBe(false);
    }
  });
});

function polyfill(line: Line): typeof globalThis.WebSocket {
  return line.WebSocket as unknown as typeof globalThis.WebSocket;
}

function statesOf({ provider }: Stock): Record<string, unknown>[] {
  return [...provider.awareness.getStates().values()];
}

function nameOf(state: Record<string, unknown>): unknown {
  return (state.user as { name?: unknown } | undefined)?.name;
}
