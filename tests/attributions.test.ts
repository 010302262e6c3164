import * as Y14 from "@y/y";
import { createDecoder } from "lib0/decoding";
import { afterAll, beforeAll, expect, it } from "vitest";
import { append, openSdk, reads, textOf } from "./clients";
import { addToProject, call, createDocument, createProject, type Person, type Project, signIn } from "./rest";
import { Server } from "./server";

/** What is answered of a document with who wrote what. */
interface Attributions {
  readonly update: string;
  readonly inserted: string;
  readonly deleted: string;
}

type Change = "kept" | "inserted" | "deleted";

/** Text of one fate, and who brought it about. */
interface Span {
  readonly text: string;
  readonly change: Change;
  readonly by?: string;
}

interface Diff {
  readonly texts: {
    readonly blocks: {
      readonly spans: {
        readonly text: string;
        readonly change: Change;
        readonly inserted?: { readonly principal: string };
        readonly deleted?: { readonly principal: string };
      }[];
    }[];
  }[];
}

/** What Yjs 14 makes of a text whose content is attributed. */
interface Attributed {
  readonly insert?: string;
  readonly attribution?: { readonly insert?: string[]; readonly delete?: string[] };
}

let server: Server;
let ada: Person;
let ben: Person;
let project: Project;

beforeAll(async () => {
  server = await Server.start();
  [ada, ben] = await Promise.all([signIn(server, "Ada"), signIn(server, "Ben")]);
  project = await createProject(server, ada);
  await addToProject(server, project, ada, ben, "member");
});

afterAll(() => server.remove());

function at(name: string, seq: number): Promise<Attributions> {
  return call(server, `/documents/${name}/history/attributions?seq=${seq}`, { person: ada });
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

/** A document of Yjs 14 that keeps what was deleted. */
function replica({ update }: Attributions): Y14.Doc {
  const doc = new Y14.Doc({ gc: false });
  Y14.applyUpdate(doc, bytes(update));
  return doc;
}

/** `Y14.decodeIdMap` takes version 2 for granted. */
function idMap(base64: string): Y14.IdMap<unknown> {
  return Y14.readIdMap(new Y14.UpdateDecoderV1(createDecoder(bytes(base64)) as never));
}

/** The difference as a client finds it by itself. */
function difference(before: Attributions, after: Attributions): Span[] {
  const attrs = { inserts: idMap(after.inserted), deletes: idMap(after.deleted) };
  const [earlier, later] = [replica(before), replica(after)];
  const manager = Y14.createAttributionManagerFromDiff(earlier, later, { attrs });
  const { children } = later.get("text").toDelta(manager).toJSON() as { children: Attributed[] };
  return children.map(({ insert = "", attribution }) => {
    if (attribution?.delete) return { text: insert, change: "deleted", by: attribution.delete[0] };
    if (attribution?.insert) return { text: insert, change: "inserted", by: attribution.insert[0] };
    return { text: insert, change: "kept" };
  });
}

/** The same as the server tells it. */
async function told(name: string, from: number, to: number): Promise<Span[]> {
  const path = `/documents/${name}/history/diff?from=${from}&to=${to}`;
  const { texts } = await call<Diff>(server, path, { person: ada });
  const spans = texts.flatMap(({ blocks }) => blocks.flatMap((block) => block.spans));
  return spans.map(({ text, change, inserted, deleted }) => {
    if (change === "kept") return { text, change };
    return { text, change, by: (change === "deleted" ? deleted : inserted)?.principal };
  });
}

it("lets Yjs 14 render the difference of two places, with who made it", async () => {
  const name = await createDocument(server, project, ada);
  const here = openSdk(server, name, ada.token);
  append(here.doc, "Ada wrote this. ");
  await here.whenSaved();
  const there = openSdk(server, name, ben.token);
  await reads(there.doc, "this.");
  there.doc.transact(() => {
    there.doc.getText("text").delete(4, 5);
    append(there.doc, "Ben was here.");
  });
  await there.whenSaved();
  expect(textOf(there.doc)).toBe("Ada  this. Ben was here.");
  const [before, after] = await Promise.all([at(name, 1), at(name, 2)]);
  const spans = difference(before, after);
  const by = `user:${ben.id}`;
  expect(spans).toEqual([
    { text: "Ada ", change: "kept" },
    { text: "wrote", change: "deleted", by },
    { text: " this. ", change: "kept" },
    { text: "Ben was here.", change: "inserted", by },
  ]);
  expect(await told(name, 1, 2)).toEqual(spans);
});

it("tells Yjs 14 of each range who wrote and who deleted it, and when", async () => {
  const name = await createDocument(server, project, ada);
  const began = Date.now();
  const writer = openSdk(server, name, ada.token);
  append(writer.doc, "abc");
  writer.doc.getText("text").delete(1, 1);
  await writer.whenSaved();
  const { inserted, deleted } = await call<Attributions>(server, `/documents/${name}/history/attributions`, {
    person: ada,
  });
  const ranges = (map: Y14.IdMap<unknown>) => {
    const found: [client: number, clock: number, length: number, attributes: Record<string, unknown>][] = [];
    map.forEach((range, client) => {
      const attributes = Object.fromEntries(range.attrs.map(({ name, val }) => [name, val]));
      found.push([client, range.clock, range.len, attributes]);
    });
    return found;
  };
  const by = `user:${ada.id}`;
  const [client, when] = [writer.doc.clientID, expect.toSatisfy((ms) => ms >= began && ms <= Date.now())];
  expect(ranges(idMap(inserted))).toEqual([[client, 0, 3, { insert: by, insertAt: when }]]);
  expect(ranges(idMap(deleted))).toEqual([[client, 1, 1, { delete: by, deleteAt: when }]]);
});
