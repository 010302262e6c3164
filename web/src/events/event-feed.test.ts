import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { eventOf, followEvents } from "./event-feed";

const EVENT = { id: "8", type: "lock_acquired", projectId: null, nodeId: "n", payload: { a: 1 } };
const encoded = (id: string) =>
  `id: ${id}\nevent: lock_acquired\ndata: ${JSON.stringify({ ...EVENT, id })}\n\n`;

let asked: { url: string; last: string | undefined }[];
let answers: (() => Response)[];

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answers = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ url, last: (init.headers as Record<string, string>)["Last-Event-ID"] });
    const answer = answers.shift();
    if (!answer) return new Promise<Response>(() => {});
    return answer();
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const stream = (text: string) => () => new Response(text, { status: 200 });

it("hands out events, and goes on after the last one when the connection was lost", async () => {
  answers = [stream(`retry: 10\nid: 7\n\n${encoded("8")}`), stream(encoded("9"))];
  const seen: string[] = [];
  const onGap = vi.fn();
  const stop = followEvents("/projects/p/events", ["lock_acquired"], {
    onEvent: ({ id }) => seen.push(id),
    onGap,
  });
  await vi.advanceTimersByTimeAsync(50);
  stop();
  expect(seen).toEqual(["8", "9"]);
  expect(asked[1]?.last).toBe("8");
  expect(asked[0]?.url).toContain("types=lock_acquired");
  expect(onGap).not.toHaveBeenCalled();
});

it("tells when something may have been missed", async () => {
  answers = [
    stream("retry: 10\nid: 7\n\n"),
    () => new Response(null, { status: 410 }),
    stream(encoded("99")),
  ];
  const onGap = vi.fn();
  const stop = followEvents("/x", [], { onEvent: () => {}, onGap });
  await vi.advanceTimersByTimeAsync(100);
  stop();
  expect(asked.map(({ last }) => last).slice(0, 3)).toEqual([undefined, "7", undefined]);
  expect(onGap).toHaveBeenCalledTimes(1);
});

it("does not ask again where it may not listen, nor after it was stopped", async () => {
  answers = [() => new Response(null, { status: 404 })];
  followEvents("/x", [], { onEvent: () => {}, onGap: () => {} });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
});

it("takes for an event only what is one", () => {
  expect(eventOf(JSON.stringify(EVENT))).toEqual(EVENT);
  for (const text of ["", "null", "[]", '{"id":1}']) expect(eventOf(text)).toBeNull();
});
