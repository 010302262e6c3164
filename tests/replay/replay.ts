import * as Y from "yjs";
import { until, updatesOf } from "../clients";
import type { Line } from "../line";
import { type Edit, holds, type Trace, typeTrace } from "./trace";

/** After so many transactions made in a row, whatever came in the meantime is let in. */
const TURN = 32;
/** How long a player may wait for what the others did. */
const WAIT_MS = 30_000;
/** How many transactions an interruption lasts, at most. */
const INTERRUPTION = 60;

/** When lines break: on average once in `every` transactions. */
export interface Weather {
  readonly every: number;
  readonly random: () => number;
}

/** An agent of a recording, with a replica that some client keeps in sync. */
export interface Player {
  readonly doc: Y.Doc;
  readonly line: Line;
}

/**
 * Plays a recording, each agent on a replica of its own: a transaction is made as soon as the replica holds all that
 * its author had seen of it, which comes over the server. Returns when everybody has made theirs.
 */
export async function play(trace: Trace, players: readonly Player[], weather?: Weather): Promise<void> {
  const edits = typeTrace(trace);
  await Promise.all(players.map((player, agent) => playAgent(player, agent, edits, weather)));
}

async function playAgent(
  player: Player,
  agent: number,
  edits: readonly Edit[],
  weather?: Weather,
): Promise<void> {
  const { doc, line } = player;
  let interruption = 0;
  let made = 0;
  for (const edit of edits) {
    if (edit.agent !== agent) continue;
    const parents = edit.parents.map((index) => edits[index] as Edit);
    const isReady = () => parents.every((parent) => holds(doc, parent));
    if (line.isCut && (interruption === 0 || !isReady())) line.mend();
    if (!isReady()) {
      const what = `agent ${agent} to see what transaction ${edit.index} builds upon`;
      await until(what, isReady, [updatesOf(doc)], WAIT_MS);
    }
    // Not from the provider, and so for it an edit that was made here.
    Y.applyUpdate(doc, edit.update);
    if (line.isCut) interruption -= 1;
    else if (weather && weather.random() < 1 / weather.every) {
      line.cut();
      interruption = Math.floor(weather.random() * INTERRUPTION);
    }
    made += 1;
    if (made % TURN === 0) await new Promise(setImmediate);
  }
  line.mend();
}
