import { expect, test } from "vitest";
import * as Y from "yjs";

import type { Provider } from "../src/index.js";
import { afterTest, connect, seededRandom, startServer, until, untilDocs } from "./support.js";

const NAMES = ["scratch:one", "scratch:two"];
const CLIENTS = 3;
const STEPS = 250;
/** What many edits together exceed, and none does. */
const SMALL_LIMIT = 300;
const SEEDS = process.env.SEEDS ? process.env.SEEDS.split(",").map(Number) : [1, 2, 3, 4, 5, 6, 7, 8];

/** One random edit of a text, a map or an array, of one or more operations. */
function edit({ doc }: Provider, random: () => number): void {
  const below = (n: number): number => Math.floor(random() * n);
  const [text, map, list] = [doc.getText("text"), doc.getMap<unknown>("map"), doc.getArray<unknown>("list")];
  const edits = [
    () => text.insert(below(text.length + 1), "abcdefgh".slice(0, 1 + below(8))),
    () => text.delete(0, Math.min(text.length, below(4))),
    () => map.set(`key${below(5)}`, below(1000)),
    () => map.delete(`key${below(5)}`),
    () => list.insert(below(list.length + 1), [below(1000), new Y.Map([["nested", below(10)]])]),
    () => list.delete(0, Math.min(list.length, below(2))),
  ];
  const one = (): void => edits[below(edits.length)]?.();
  if (random() < 0.3) doc.transact(() => [one(), one(), one()]);
  else one();
}

function contentOf(doc: Y.Doc): string {
  return JSON.stringify([
    doc.getText("text").toString(),
    Object.entries(doc.getMap("map").toJSON()).sort(),
    doc.getArray("list").toJSON(),
  ]);
}

// A failure names its seed: SEEDS=<seed> replays its edits and faults (not the network's timing).
test.each(SEEDS)(
  "replicas converge and every edit is saved, whatever is cut, withheld or too large (seed %i)",
  async (seed) => {
    const random = seededRandom(seed);
    const server = await startServer();
    if (seed % 2 === 0) server.limits = { ...server.limits, updateBytes: SMALL_LIMIT };
    const clients = Array.from({ length: CLIENTS }, (_, i) => connect(server, `user${i}`, { random }));
    const providers = clients.flatMap((client) => NAMES.map((name) => client.open(name)));
    const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const name = (): string => NAMES[Math.floor(random() * NAMES.length)] ?? "";
    let refusing = 0;
    server.refuse = () => (refusing-- > 0 ? { code: "SAVING_BEHIND", message: "later", retry: true } : null);
    const faults = [
      () => server.drop(),
      () => server.drop(() => random() < 0.5),
      () => server.setBehind(name(), true),
      () => server.setBehind(name(), false),
      () => server.unsubscribeAll(name(), { code: "REOPEN", message: "open anew", retry: true }),
      () => clients[Math.floor(random() * CLIENTS)]?.reconnect(),
      () => {
        refusing = Math.floor(random() * 3);
      },
    ];
    for (let step = 0; step < STEPS; step++) {
      const provider = providers[Math.floor(random() * providers.length)];
      if (provider) edit(provider, random);
      if (random() < 0.1) faults[Math.floor(random() * faults.length)]?.();
      if (random() < 0.5) await tick();
    }
    refusing = 0;
    for (const each of NAMES) server.setBehind(each, false);
    await Promise.all(providers.map((each) => until(each.saved, ({ state }) => state === "saved")));
    expect(providers.every((each) => each.saved.value.unconfirmed === 0)).toBe(true);
    for (const each of NAMES) {
      const docs = providers.filter((provider) => provider.name === each).map(({ doc }) => doc);
      const expected = contentOf(server.document(each).doc);
      await untilDocs(docs, () => docs.every((doc) => contentOf(doc) === expected));
      expect(expected.length).toBeGreaterThan(100);
    }
  },
);

test("a client that is closed and opened anew at random loses no edit of its document", async () => {
  const random = seededRandom(42);
  const server = await startServer();
  const client = connect(server, "ada", { random });
  const observer = connect(server, "bob").open("scratch:one");
  const doc = new Y.Doc();
  afterTest(() => doc.destroy());
  let provider = client.open("scratch:one", { doc });
  for (let step = 0; step < 200; step++) {
    edit(provider, random);
    if (random() < 0.3) {
      void provider.close();
      edit(provider, random);
      provider = client.open("scratch:one", { doc });
    }
    if (random() < 0.05) server.drop();
    if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(provider.saved, ({ state }) => state === "saved");
  await untilDocs([observer.doc], () => contentOf(observer.doc) === contentOf(doc));
  expect(contentOf(server.document("scratch:one").doc)).toBe(contentOf(doc));
});
