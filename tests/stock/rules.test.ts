import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { append, closed, isSynced, openedAfresh, openStock, reads, textOf } from "../clients";
import { RawSocket } from "../raw";
import { addToProject, createDocument, createProject, type Person, signIn } from "../rest";
import { Server } from "../server";
import { type Frame, QUERY_AWARENESS, readFrame, writeSync } from "./frames";

const SECRET = "known to these tests, and to nobody else";

let server: Server;
let ada: Person;
let vera: Person;
let document: string;

beforeAll(async () => {
  server = await Server.start({ settings: { GLASSBOX_AUTH_TOKEN_SECRET: SECRET } });
  [ada, vera] = await Promise.all([signIn(server, "Ada"), signIn(server, "Vera")]);
  const project = await createProject(server, ada);
  await addToProject(server, project, ada, vera, "viewer");
  document = await createDocument(server, project, ada);
});

afterAll(() => server.remove());

describe("the y-websocket dialect, frame by frame", () => {
  it("Y1: a scratch document opens without a token, and every other only with one", async () => {
    const socket = await open("scratch:y1");
    await first(socket, "step1");
    expect(await RawSocket.refusal(`${server.yjsUrl}/${document}`)).toBe(4401);
    const named = await open(encodeURIComponent(document), ada.token);
    await first(named, "step1");
  });

  it("Y2: every frame of the server is one message", async () => {
    const other = openStock(server, "scratch:y2");
    other.provider.awareness.setLocalStateField("cursor", 1);
    await isSynced(other);
    append(other.doc, "something to sync");
    const socket = await open("scratch:y2");
    socket.send(writeSync("step1", Y.encodeStateVector(new Y.Doc())));
    socket.send(QUERY_AWARENESS);
    append(other.doc, " and to relay");
    await first(socket, "step2");
    await first(socket, "awareness");
    // `frames` reads each one to its end.
    await socket.until(
      "both texts",
      () => textOf(applied(socket)) === "something to sync and to relay" || undefined,
    );
  });

  it("Y2: a question for who is here is answered with all of them", async () => {
    const other = openStock(server, "scratch:y2-query");
    await isSynced(other);
    const socket = await open("scratch:y2-query");
    await first(socket, "awareness");
    const before = frames(socket).filter(({ type }) => type === "awareness").length;
    socket.send(QUERY_AWARENESS);
    await socket.until("an answer", () => {
      const answers = frames(socket).filter(({ type }) => type === "awareness");
      return answers.length > before || undefined;
    });
  });

  it("Y2: messages of other types are ignored", async () => {
    const socket = await open("scratch:y2-unknown");
    socket.send([100, 1, 2, 3]);
    socket.send([4]);
    socket.send(writeSync("step1", Y.encodeStateVector(new Y.Doc())));
    await first(socket, "step2");
  });

  it("Y3: the server speaks first: its step 1, then who is here", async () => {
    const other = openStock(server, "scratch:y3");
    other.provider.awareness.setLocalStateField("cursor", 1);
    await isSynced(other);
    const early = await open("scratch:y3");
    await first(early, "awareness");
    expect(frames(early).map(({ type }) => type)).toEqual(["step1", "awareness"]);
  });

  it("Y3: a step 1 is answered with a step 2 that holds just what is missing", async () => {
    const other = openStock(server, "scratch:y3-diff");
    await isSynced(other);
    append(other.doc, "x".repeat(10_000));
    await reads(openStock(server, "scratch:y3-diff").doc, "xxx");
    const socket = await open("scratch:y3-diff");
    socket.send(writeSync("step1", Y.encodeStateVector(other.doc)));
    const nothing = await first(socket, "step2");
    expect(nothing.body.length).toBeLessThan(100);
    expect(textOf(applied(socket))).toBe("");
  });

  it("Y4: a refused update is answered with the reason, and reaches nobody", async () => {
    const reader = openStock(server, document, ada.token);
    await isSynced(reader);
    const viewer = await open(document, vera.token);
    const forged = new Y.Doc();
    append(forged, "forged by hand");
    viewer.send(writeSync("update", Y.encodeStateAsUpdate(forged)));
    const { reason } = await viewer.until("a refusal", () =>
      frames(viewer).find((frame) => frame.type === "denied"),
    );
    expect(reason).not.toBe("");
    // The session goes on.
    viewer.send(writeSync("step1", Y.encodeStateVector(new Y.Doc())));
    await first(viewer, "step2");
    expect(textOf(applied(viewer))).not.toContain("forged");
    expect(textOf(reader.doc)).not.toContain("forged");
  });

  it("Y4: an update that cannot be decoded is refused, and what follows is taken", async () => {
    const socket = await open("scratch:y4-malformed");
    socket.send(writeSync("update", Uint8Array.of(255, 255, 255, 255, 1, 2, 3)));
    await socket.until("a refusal", () => frames(socket).find(({ type }) => type === "denied"));
    const sound = new Y.Doc();
    append(sound, "sound");
    socket.send(writeSync("update", Y.encodeStateAsUpdate(sound)));
    await reads(openStock(server, "scratch:y4-malformed").doc, "sound");
  });

  it("Y4: new content under another person's client id is refused (D6)", async () => {
    const victim = openStock(server, document, ada.token);
    await isSynced(victim);
    append(victim.doc, "by Ada. ");
    await reads(openStock(server, document, ada.token).doc, "by Ada.");

    const mallory = await signIn(server, "Mallory");
    const project = await createProject(server, mallory);
    const shared = await createDocument(server, project, mallory);
    await addToProject(server, project, mallory, ada, "member");
    const owned = openStock(server, shared, ada.token);
    await isSynced(owned);
    append(owned.doc, "mine. ");
    await reads(openStock(server, shared, ada.token).doc, "mine.");

    const socket = await open(shared, mallory.token);
    const impostor = new Y.Doc();
    Y.applyUpdate(impostor, Y.encodeStateAsUpdate(owned.doc));
    impostor.clientID = owned.doc.clientID;
    append(impostor, "not mine. ");
    socket.send(writeSync("update", Y.encodeStateAsUpdate(impostor)));
    await socket.until("a refusal", () => frames(socket).find(({ type }) => type === "denied"));
    expect(textOf(await openedAfresh(server, shared, ada.token))).not.toContain("not mine");
  });

  it("Y5: what may not be opened is told by the close code, after the upgrade", async () => {
    const url = (name: string, token: string) => `${server.yjsUrl}/${name}?token=${token}`;
    const stranger = await signIn(server, "Stranger");
    expect(await RawSocket.refusal(url(document, ""))).toBe(4401);
    expect(await RawSocket.refusal(url(document, "nonsense"))).toBe(4401);
    expect(await RawSocket.refusal(url(document, stranger.token))).toBe(4404);
    expect(await RawSocket.refusal(url(document.replace("doc:", "node:"), ada.token))).toBe(4404);
    expect(await RawSocket.refusal(url("nothing", ada.token))).toBe(4404);
  });

  it("closes with 4400 what cannot be decoded as a frame", async () => {
    const socket = await open("scratch:malformed");
    socket.send([0, 2, 200]);
    expect(await socket.closed()).toBe(4400);
  });

  it("takes presence as it comes, whatever its members (P1)", async () => {
    const socket = await open("scratch:presence");
    const awareness = new Awareness(new Y.Doc());
    awareness.setLocalState({ anything: { goes: [1, null, "ä"] } });
    const other = openStock(server, "scratch:presence");
    await isSynced(other);
    const update = encodeAwarenessUpdate(awareness, [awareness.clientID]);
    socket.send([1, ...lengthOf(update), ...update]);
    await new Promise<void>((resolve) => {
      const look = () => {
        const state = other.provider.awareness.getStates().get(awareness.clientID);
        if (JSON.stringify(state) !== JSON.stringify(awareness.getLocalState())) return;
        other.provider.awareness.off("change", look);
        resolve();
      };
      other.provider.awareness.on("change", look);
      look();
    });
    awareness.destroy();
  });
});

describe("the end of a token's authority", () => {
  it("Y5: y-websocket comes back with a new token and loses nothing", async () => {
    const lasting = ada.token;
    let token = endingIn(2, lasting);
    const params = {
      get token() {
        return token;
      },
    };
    const stock = openStock(server, document, undefined, { params });
    await isSynced(stock);
    append(stock.doc, "before the end. ");
    token = lasting;
    expect(await closed(stock)).toBe(4501);
    append(stock.doc, "after the end.");
    await isSynced(stock);
    await reads(openStock(server, document, ada.token).doc, "before the end. after the end.");
  });
});

/** The same token with another end, signed as the server does. */
function endingIn(seconds: number, token: string): string {
  const [header = "", claims = ""] = token.split(".");
  const until = Math.floor(Date.now() / 1000) + seconds;
  const changed = {
    ...JSON.parse(Buffer.from(claims, "base64url").toString()),
    exp: until,
    authority_until: until,
  };
  const signed = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

function open(name: string, token?: string): Promise<RawSocket> {
  return RawSocket.open(`${server.yjsUrl}/${name}${token === undefined ? "" : `?token=${token}`}`);
}

function frames(socket: RawSocket): Frame[] {
  return socket.frames.map(readFrame);
}

type SyncFrame = Extract<Frame, { body: Uint8Array }>;

function first(socket: RawSocket, type: SyncFrame["type"]): Promise<SyncFrame> {
  return socket.until(`a frame of type ${type}`, () =>
    frames(socket).find((frame): frame is SyncFrame => frame.type === type),
  );
}

/** What all content that came over a socket makes. */
function applied(socket: RawSocket): Y.Doc {
  const doc = new Y.Doc();
  for (const frame of frames(socket)) {
    if (frame.type === "step2" || frame.type === "update") Y.applyUpdate(doc, frame.body);
  }
  return doc;
}

function lengthOf(bytes: Uint8Array): number[] {
  const { length } = bytes;
  return length < 128 ? [length] : [(length & 127) | 128, length >> 7];
}
