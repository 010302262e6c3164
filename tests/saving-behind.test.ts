import { afterAll, beforeAll, expect, it } from "vitest";
import {
  afterTest,
  append,
  changesOf,
  closed,
  isSynced,
  openedAfresh,
  openSdk,
  openStock,
  reads,
  textOf,
  until,
} from "./clients";
import { createDocument, createProject, type Person, signIn } from "./rest";
import { Server, within } from "./server";

/** Bytes of a document that may wait for the log; no update may be larger. */
const UNSAVED_BYTES = 65_536;
/** An eighth of that. */
const PAGE = "x".repeat(UNSAVED_BYTES / 8);
/** How long until the server says that it is behind, at most. */
const NOTICE_MS = 30_000;

let server: Server;
let ada: Person;
let document: string;

beforeAll(async () => {
  server = await Server.start({
    settings: {
      GLASSBOX_LIMITS_UNSAVED_BYTES_PER_DOCUMENT: String(UNSAVED_BYTES),
      GLASSBOX_LIMITS_UPDATE_BYTES: String(UNSAVED_BYTES),
    },
  });
  ada = await signIn(server, "Ada");
  document = await createDocument(server, await createProject(server, ada), ada);
});

afterAll(() => server.remove());

function haltDatabase(): void {
  server.pauseDatabase();
  afterTest(() => server.resumeDatabase());
}

it("goes on relaying edits while the database stands still, and confirms none of them (D1, D8, G18)", async () => {
  const writer = openSdk(server, document, ada.token);
  const reader = openStock(server, document, ada.token);
  await Promise.all([within(NOTICE_MS, "the writer to sync", writer.whenSynced), isSynced(reader)]);
  haltDatabase();
  append(writer.doc, "relayed, not saved. ");
  await reads(reader.doc, "relayed, not saved.");
  const isBehind = () => writer.saved.value.state === "behind";
  await until("the writer to be told", isBehind, [changesOf(writer.saved)], NOTICE_MS);
  expect(writer.saved.value.unconfirmed).toBe(1);
  server.resumeDatabase();
  await within(NOTICE_MS, "the edit to be saved", writer.whenSaved());
  await server.kill();
  await writer.close();
  reader.provider.destroy();
  await server.start();
  expect(textOf(await openedAfresh(server, document, ada.token))).toContain("relayed, not saved.");
});

it("refuses edits past its limit, and gets them from the clients when it can save again (D8, Y4, G15)", async () => {
  const own = openSdk(server, document, ada.token);
  const stock = openStock(server, document, ada.token);
  await Promise.all([within(NOTICE_MS, "the writer to sync", own.whenSynced), isSynced(stock)]);
  haltDatabase();
  const turnedAway = closed(stock);
  for (let page = 0; page < 4; page += 1) append(own.doc, `own ${page} ${PAGE}. `);
  await reads(stock.doc, "own 3 x");
  for (let page = 0; page < 5; page += 1) append(stock.doc, `stock ${page} ${PAGE}. `);
  expect(await turnedAway).toBe(1013);
  append(own.doc, `own 4 ${PAGE}. `);
  expect(own.saved.value.unconfirmed).toBeGreaterThan(0);
  server.resumeDatabase();
  await within(NOTICE_MS, "the edits to be saved", own.whenSaved());
  await Promise.all([reads(own.doc, "stock 4 x"), reads(stock.doc, "own 4 x")]);
  const stored = textOf(await openedAfresh(server, document, ada.token));
  for (let page = 0; page < 5; page += 1) {
    expect(stored).toContain(`own ${page} x`);
    expect(stored).toContain(`stock ${page} x`);
  }
});
