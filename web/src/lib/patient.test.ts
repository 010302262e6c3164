import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { patient } from "./patient";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("tries again until the part is here", async () => {
  const load = vi
    .fn()
    .mockRejectedValueOnce(new Error("offline"))
    .mockRejectedValueOnce(new Error("offline"));
  load.mockResolvedValue("part");
  const loading = patient(load)();
  await vi.advanceTimersByTimeAsync(2_500);
  expect(await loading).toBe("part");
  expect(load).toHaveBeenCalledTimes(3);
});

it("tries at once when the connection comes back", async () => {
  const load = vi.fn().mockRejectedValueOnce(new Error("offline")).mockResolvedValue("part");
  const loading = patient(load)();
  await vi.advanceTimersByTimeAsync(1);
  window.dispatchEvent(new Event("online"));
  expect(await loading).toBe("part");
});
