import type { ClientStatus, SavedStateName } from "@glassbox/client";
import { plural } from "../lib/text";

/** What is known of one open document. */
export interface DocumentState {
  state: SavedStateName;
  unconfirmed: number;
  /** Null while not attached. */
  access: "write" | "read" | null;
  synced: boolean;
  /** Why an edit was refused. */
  refusal: { code: string; message: string } | null;
  /** Why the document cannot be opened or kept on this device. */
  error: { code: string; message: string; retry: boolean } | null;
}

export interface Situation {
  connection: ClientStatus;
  documents: readonly DocumentState[];
}

export type Tone = "good" | "quiet" | "busy" | "warn" | "danger";

/** The state line: one sentence that is true now. */
export interface Sentence {
  text: string;
  tone: Tone;
}

/** What the state line says. It says "Saved" only when a receipt covers every edit of every open document. */
export function describe({ connection, documents }: Situation): Sentence {
  const unconfirmed = documents.reduce((sum, document) => sum + document.unconfirmed, 0);
  return (
    refused(documents) ??
    unopened(documents) ??
    disconnected(connection, unconfirmed, keptWhere(documents)) ??
    pending(documents, unconfirmed) ??
    settled(documents)
  );
}

function refused(documents: readonly DocumentState[]): Sentence | null {
  const refusing = documents.filter(
    ({ state, unconfirmed }) => state === "refused" || (state === "read-only" && unconfirmed > 0),
  );
  const first = refusing[0];
  if (!first) return null;
  const count = refusing.reduce((sum, document) => sum + Math.max(1, document.unconfirmed), 0);
  const reason = first.refusal ? sentence(first.refusal.message) : "You may only view this.";
  const where = keptWhere(documents);
  return { tone: "danger", text: `${plural(count, "edit")} not accepted, ${where}. ${reason}` };
}

function unopened(documents: readonly DocumentState[]): Sentence | null {
  const error = documents.find(
    ({ error }) => error && !error.retry && error.code !== "LOCAL_COPY_FAILED",
  )?.error;
  return error ? { tone: "danger", text: `Not opened. ${sentence(error.message)}` } : null;
}

function disconnected(connection: ClientStatus, unconfirmed: number, where: string): Sentence | null {
  const kept = unconfirmed > 0 ? `, ${plural(unconfirmed, "edit")} ${where}` : "";
  switch (connection) {
    case "connected":
      return null;
    case "connecting":
      return { tone: "busy", text: `Connecting${kept}` };
    case "reconnecting":
      return { tone: "warn", text: `Reconnecting${kept}` };
    case "offline":
      return { tone: "warn", text: `Offline${kept}` };
    case "unauthorized":
      return { tone: "danger", text: `Signed out${kept}` };
    case "closed":
      return { tone: "danger", text: `Disconnected${kept}. Reload to connect again.` };
  }
}

function pending(documents: readonly DocumentState[], unconfirmed: number): Sentence | null {
  if (documents.some(({ state }) => state === "behind")) {
    return { tone: "warn", text: `Saving is behind, your edits are ${safeWhere(documents)}` };
  }
  if (unconfirmed > 0) return { tone: "busy", text: `Saving ${unconfirmed}…` };
  if (documents.some(({ state, synced }) => state === "offline" || !synced)) {
    return { tone: "busy", text: "Catching up…" };
  }
  if (documents.some(({ state }) => state === "saving")) return { tone: "busy", text: "Saving…" };
  return null;
}

function settled(documents: readonly DocumentState[]): Sentence {
  if (documents.length === 0) return { tone: "quiet", text: "" };
  if (documents.some(({ access }) => access === "read")) return { tone: "quiet", text: "View only" };
  return { tone: "good", text: "Saved" };
}

/** Where unsaved edits are: on the device, unless the browser could not keep them. */
function keptWhere(documents: readonly DocumentState[]): string {
  return keptOnlyHere(documents) ? "only in this tab, keep it open" : "kept on this device";
}

function safeWhere(documents: readonly DocumentState[]): string {
  return keptOnlyHere(documents) ? "in this tab, keep it open" : "safe here";
}

function keptOnlyHere(documents: readonly DocumentState[]): boolean {
  return documents.some(({ error }) => error?.code === "LOCAL_COPY_FAILED");
}

function sentence(message: string): string {
  const trimmed = message.trim();
  const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
