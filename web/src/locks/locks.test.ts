import { expect, it } from "vitest";
import type { Lock } from "../api/locks";
import { isMine, mergeLocks } from "./locks";

const lock = (nodeId: string, name = "Ada", kind: Lock["holder"]["kind"] = "user"): Lock => ({
  nodeId,
  lockedBy: "ada",
  holder: { kind, id: "ada", name },
  enforced: false,
  acquiredAt: "2026-11-21T12:00:00Z",
  expiresAt: "2026-11-21T12:05:00Z",
});

it("keeps the identity of locks that did not change, and forgets those that are gone", () => {
  const before = mergeLocks(new Map(), [lock("a"), lock("b"), lock("c")]);
  const after = mergeLocks(before, [lock("a"), lock("b", "Ben")]);
  expect(after.get("a")).toBe(before.get("a"));
  expect(after.get("b")?.holder.name).toBe("Ben");
  expect([...after.keys()]).toEqual(["a", "b"]);
});

it("is mine only if I hold it in person", () => {
  expect(isMine(lock("a"), "ada")).toBe(true);
  expect(isMine(lock("a", "Ada", "agent"), "ada")).toBe(false);
  expect(isMine(lock("a"), "ben")).toBe(false);
  expect(isMine(null, "ada")).toBe(false);
});
