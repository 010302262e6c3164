import { ApiError } from "./http";
import { TOO_MANY_REQUESTS } from "./queries";

/** How often something is asked, the first time included, while the server says that it is too soon. */
export const TRIES_AT_MOST = 10;
const PAUSE_SECONDS = 1;

/** Asks; when that was too soon, again after as long as the server says. What still fails is thrown. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const isTooSoon = error instanceof ApiError && error.status === TOO_MANY_REQUESTS;
      if (!isTooSoon || tries >= TRIES_AT_MOST) throw error;
      await pause((error.retryAfter ?? PAUSE_SECONDS) * 1000, signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
