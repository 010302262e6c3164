import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "./http";
import { patiently, TRIES_AT_MOST } from "./patience";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const tooSoon = (retryAfter: number | null) => new ApiError(429, "TOO_MANY_REQUESTS", "No.", [], retryAfter);

function asking(...refusals: unknown[]) {
  const ask = vi.fn(async () => {
    if (refusals.length > 0) throw refusals.shift();
    return "answer";
  });
  const stopping = new AbortController();
  const outcome = patiently(ask, stopping.signal);
  // A test that looks at it later is no less right.
  outcome.catch(() => {});
  return { ask, stopping, outcome };
}

it("asks again after as long as the server says, else after a second", async () => {
  const { ask, outcome } = asking(tooSoon(7), tooSoon(null));
  await vi.advanceTimersByTimeAsync(6_999);
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ask).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toBe("answer");
});

it("asks a limited number of times", async () => {
  const { ask, outcome } = asking(...Array.from({ length: TRIES_AT_MOST }, () => tooSoon(1)));
  await vi.runAllTimersAsync();
  await expect(outcome).rejects.toMatchObject({ status: 429 });
  expect(ask).toHaveBeenCalledTimes(TRIES_AT_MOST);
});

it("does not ask again after any other refusal", async () => {
  const { ask, outcome } = asking(new ApiError(403, "FORBIDDEN", "No."));
  await expect(outcome).rejects.toMatchObject({ status: 403 });
  expect(ask).toHaveBeenCalledTimes(1);
});

it("waits no longer once it is stopped", async () => {
  const { ask, stopping, outcome } = asking(tooSoon(7));
  await vi.advanceTimersByTimeAsync(1_000);
  stopping.abort();
  await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
  expect(vi.getTimerCount()).toBe(0);
  expect(ask).toHaveBeenCalledTimes(1);
});
