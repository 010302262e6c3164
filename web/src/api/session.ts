import { useStore, Value } from "../lib/external-store";
import type { User } from "./types";

/** Who is signed in on this device. */
export interface Session {
  token: string;
  user: User;
}

const KEY = "glassbox.session";

function stored(): Session | null {
  try {
    const text = window.localStorage.getItem(KEY);
    const value: unknown = text ? JSON.parse(text) : null;
    return isSession(value) ? value : null;
  } catch {
    return null;
  }
}

function isSession(value: unknown): value is Session {
  if (typeof value !== "object" || value === null) return false;
  const { token, user } = value as Partial<Session>;
  return typeof token === "string" && typeof user?.id === "string" && typeof user.name === "string";
}

const current = new Value<Session | null>(stored());

// Signing in or out in one tab holds for the others.
window.addEventListener("storage", (event) => {
  if (event.key === KEY) current.set(stored());
});

function keep(next: Session): void {
  current.set(next);
  try {
    window.localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Without storage the session lasts as long as the tab.
  }
}

export const session = {
  get: current.get,
  subscribe: current.subscribe,
  start: keep,
  end(): void {
    current.set(null);
    try {
      window.localStorage.removeItem(KEY);
    } catch {
      // Nothing was stored.
    }
  },
};

/** The session, or null when nobody is signed in. */
export function useSession(): Session | null {
  return useStore(session);
}
