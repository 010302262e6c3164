/** The pauses before another try; the last one repeats. A connection that comes back ends a pause. */
const PAUSES_MS = [500, 2_000, 5_000, 15_000] as const;

/** Fetches a part of the program, and tries again until it is here: one may be offline just then. */
export function patient<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await load();
      } catch {
        await pause(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0);
      }
    }
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = window.setTimeout(end, ms);
    window.addEventListener("online", end);
  });
}
