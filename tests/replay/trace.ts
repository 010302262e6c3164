import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import * as Y from "yjs";

/** Agent a's edits carry the Yjs client id a + 1: of two insertions at one place, that of the lower id comes first. */
export const clientIdOf = (agent: number): number => agent + 1;

/** A recording of people who typed at the same time, in the format of josephg/editing-traces ("concurrent"). */
export interface Trace {
  readonly endContent: string;
  readonly numAgents: number;
  readonly txns: readonly Transaction[];
}

interface Transaction {
  /** Indices of the transactions that its author had seen, those before them left out. */
  readonly parents: readonly number[];
  readonly agent: number;
  /** `[position, deleted, inserted]`, counted in Unicode code points. */
  readonly patches: readonly (readonly [number, number, string])[];
}

/** A transaction as the Yjs update that its author's editor made of it. */
export interface Edit {
  /** Its place in the recording. */
  readonly index: number;
  readonly agent: number;
  readonly parents: readonly number[];
  readonly update: Uint8Array;
  /** The next clock of the author's client id after it. */
  readonly clock: number;
  /** Something that it deleted. */
  readonly deleted: Y.ID | null;
}

/** The whole recording where it is at hand (`GLASSBOX_TRACES` names its folder), else the beginning of it. */
export function clownschool(): Trace {
  const folder = process.env.GLASSBOX_TRACES ?? besideTheRepository();
  const whole = join(folder, "clownschool.json.gz");
  const excerpt = fileURLToPath(new URL("../fixtures/clownschool-excerpt.json.gz", import.meta.url));
  return read(existsSync(whole) ? whole : excerpt);
}

function besideTheRepository(): string {
  return fileURLToPath(new URL("../../../shared/traces", import.meta.url));
}

function read(path: string): Trace {
  const text = gunzipSync(readFileSync(path)).toString("utf8");
  // Positions are code points, and Yjs counts UTF-16: the same, as long as no character takes two units.
  if (/[\u{10000}-\u{10ffff}]|\\u[dD][89abAB]/u.test(text))
    throw new Error(`${path} has characters outside the BMP`);
  return JSON.parse(text) as Trace;
}

/**
 * Types the recording, with a document for each agent that holds at each transaction exactly what its author had
 * seen. What comes out is what the authors' editors would send, at whatever time it travels.
 */
export function typeTrace(trace: Trace): Edit[] {
  const authors = Array.from({ length: trace.numAgents }, (_, agent) => new Author(agent));
  const edits: Edit[] = [];
  /** How many transactions of each agent a transaction knows, itself included. */
  const knows: number[][] = [];
  const byAgent: Edit[][] = authors.map(() => []);
  for (const [index, { agent, parents, patches }] of trace.txns.entries()) {
    const author = authors[agent];
    if (!author) throw new Error(`transaction ${index} is of an agent that is not there`);
    const known = authors.map((_, other) =>
      Math.max(0, ...parents.map((parent) => knows[parent]?.[other] ?? 0)),
    );
    author.see(known, byAgent);
    const edit = { index, agent, parents, ...author.type(patches) };
    byAgent[agent]?.push(edit);
    edits.push(edit);
    known[agent] = author.seen[agent] ?? 0;
    knows.push(known);
  }
  return edits;
}

/** One person at one editor. */
class Author {
  readonly agent: number;
  /** How many transactions of each agent are in the document. */
  readonly seen: number[] = [];
  readonly #doc = new Y.Doc();
  readonly #text = this.#doc.getText("text");

  constructor(agent: number) {
    this.agent = agent;
    this.#doc.clientID = clientIdOf(agent);
  }

  /** Takes in what others did, up to what is known of them. */
  see(known: readonly number[], byAgent: readonly (readonly Edit[])[]): void {
    const news: Edit[] = [];
    for (const [other, count] of known.entries()) {
      const had = this.seen[other] ?? 0;
      // Otherwise the recording is not of one document per agent.
      if (had > count) throw new Error(`agent ${this.agent} has seen more than its transaction knows`);
      news.push(...(byAgent[other]?.slice(had, count) ?? []));
      this.seen[other] = count;
    }
    // What builds upon something comes after it.
    news.sort((one, other) => one.index - other.index);
    for (const { update } of news) Y.applyUpdate(this.#doc, update);
  }

  type(patches: Transaction["patches"]): Pick<Edit, "update" | "clock" | "deleted"> {
    const updates: Uint8Array[] = [];
    const keep = (update: Uint8Array) => updates.push(update);
    this.#doc.on("update", keep);
    this.#doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) this.#text.delete(position, deleted);
        if (inserted) this.#text.insert(position, inserted);
      }
    });
    this.#doc.off("update", keep);
    this.seen[this.agent] = (this.seen[this.agent] ?? 0) + 1;
    const update = updates[0] ?? Y.encodeStateAsUpdate(new Y.Doc());
    const clock = Y.getState(this.#doc.store, this.#doc.clientID);
    return { update, clock, deleted: firstDeleted(update) };
  }
}

function firstDeleted(update: Uint8Array): Y.ID | null {
  for (const [client, ranges] of Y.decodeUpdate(update).ds.clients) {
    const [first] = ranges;
    if (first) return Y.createID(client, first.clock);
  }
  return null;
}

/** Whether a replica holds an edit, the insertions and the deletions of it. */
export function holds(doc: Y.Doc, { agent, clock, deleted }: Edit): boolean {
  if (Y.getState(doc.store, clientIdOf(agent)) < clock) return false;
  return deleted === null || isDeleted(doc, deleted);
}

function isDeleted(doc: Y.Doc, id: Y.ID): boolean {
  return Y.getState(doc.store, id.client) > id.clock && Y.getItem(doc.store, id).deleted;
}
