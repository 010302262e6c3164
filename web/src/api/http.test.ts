import { afterEach, expect, it, vi } from "vitest";
import { ApiError, request, requestText } from "./http";

afterEach(() => vi.unstubAllGlobals());

function answer(make: () => Response) {
  vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => {
    signal?.throwIfAborted();
    return make();
  });
}

it("reads no more of a text than is wanted", async () => {
  let pieces = 0;
  let isCancelled = false;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1;
        controller.enqueue(new TextEncoder().encode("äöü "));
      },
      cancel() {
        isCancelled = true;
      },
    });
  answer(() => new Response(endless()));
  expect(await requestText("/files/1/text", 10)).toEqual({ text: "äöü äöü äö", isCut: true });
  expect(isCancelled).toBe(true);
  expect(pieces).toBeLessThan(8);
  answer(() => new Response("äöü"));
  expect(await requestText("/files/1/text", 10)).toEqual({ text: "äöü", isCut: false });
});

it("keeps when it makes sense to ask again", async () => {
  const problem = { title: "No", status: 429, code: "RATE_LIMITED" };
  answer(() => Response.json(problem, { status: 429, headers: { "Retry-After": "7" } }));
  await expect(request("GET", "/x")).rejects.toMatchObject({ status: 429, retryAfter: 7 });
  answer(() => Response.json(problem, { status: 429 }));
  await expect(request("GET", "/x")).rejects.toMatchObject({ retryAfter: null });
});

it("tells being stopped from not reaching the server", async () => {
  const stopped = AbortSignal.abort();
  answer(() => Response.json({}));
  const error = await request("GET", "/x", undefined, {}, stopped).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(ApiError);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  await expect(request("GET", "/x")).rejects.toMatchObject({ code: "UNREACHABLE" });
});
