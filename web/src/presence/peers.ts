import type { Awareness } from "y-protocols/awareness";
import type { Point } from "../documents/canvas";

/** Who somebody is, as the server says it. */
export interface Person {
  id: string;
  name: string;
  color: string;
  kind: "human" | "agent";
  /** Tells them from others here who have the same colour. */
  look?: Look;
  /** What an agent says that it is doing; null or left out: nothing. */
  activity?: string | null;
}

/** How the colour of somebody is worn: the first with it fills, the second outlines, any more dash. */
export type Look = "filled" | "outlined" | "dashed";

/** One window or process of somebody who has the canvas open. */
export interface Peer {
  clientId: number;
  person: Person;
  pointer: Point | null;
  selection: readonly string[];
  viewing: string | null;
}

/** What this window tells the others about itself on a canvas. */
export interface CanvasPresenceState {
  pointer: Point | null;
  selection: readonly string[];
  viewing: string | null;
}

/** Everybody else in an awareness. States come from other programs, so each member is checked. */
export function peersOf(awareness: Awareness): Peer[] {
  const peers: Peer[] = [];
  for (const [clientId, state] of awareness.getStates()) {
    if (clientId === awareness.clientID) continue;
    const peer = peerOf(clientId, state);
    if (peer) peers.push(peer);
  }
  const looks = looksOf(peers.map(({ person }) => person));
  return peers.map((peer) => ({
    ...peer,
    person: { ...peer.person, look: looks.get(peer.person.id) ?? "filled" },
  }));
}

function looksOf(people: readonly Person[]): Map<string, Look> {
  const looks = new Map<string, Look>();
  const wearers = new Map<string, number>();
  for (const { id, color } of [...people].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (looks.has(id)) continue;
    const before = wearers.get(color) ?? 0;
    wearers.set(color, before + 1);
    looks.set(id, (["filled", "outlined"] as const)[before] ?? "dashed");
  }
  return looks;
}

/** The one of these here to whom a `user` member belongs. */
export function personIn(awareness: Awareness, user: unknown): Person | null {
  const person = personOf(user);
  return peersOf(awareness).find((peer) => peer.person.id === person?.id)?.person ?? person;
}

function peerOf(clientId: number, state: Record<string, unknown>): Peer | null {
  const person = personOf(state.user);
  if (!person) return null;
  if (person.kind === "agent") person.activity = wordsOf(state.activity);
  return {
    clientId,
    person,
    pointer: pointOf(state.pointer),
    selection: Array.isArray(state.selection) ? state.selection.filter((id) => typeof id === "string") : [],
    viewing: nodeIn(state),
  };
}

/** The node that somebody is inside; agents say it by another name. */
function nodeIn({ viewing, node }: Record<string, unknown>): string | null {
  if (typeof viewing === "string") return viewing;
  return typeof node === "string" ? node : null;
}

const ACTIVITY_LENGTH_MAX = 60;

function wordsOf(value: unknown): string | null {
  return typeof value === "string" && value ? value.slice(0, ACTIVITY_LENGTH_MAX) : null;
}

/** Reads the `user` member of an awareness state. */
export function personOf(value: unknown): Person | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, name, color, kind } = value as Record<string, unknown>;
  if (typeof id !== "string" || typeof name !== "string") return null;
  return { id, name, color: safeColor(color), kind: kind === "agent" ? "agent" : "human" };
}

const COLOR = /^(#[0-9a-f]{3,8}|(rgb|hsl|oklch)a?\([\d\s.,%/deg-]+\))$/i;

/** A colour that may go into a style, or grey. */
export function safeColor(color: unknown): string {
  return typeof color === "string" && COLOR.test(color) ? color : "#6b7280";
}

function pointOf(value: unknown): Point | null {
  if (typeof value !== "object" || value === null) return null;
  const { x, y } = value as Record<string, unknown>;
  return typeof x === "number" && typeof y === "number" && Number.isFinite(x + y) ? { x, y } : null;
}

/** One entry per person, in a stable order. */
export function distinctPeople(peers: readonly { person: Person }[]): Person[] {
  const byId = new Map<string, Person>();
  for (const { person } of peers) if (!byId.has(person.id)) byId.set(person.id, person);
  return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}
