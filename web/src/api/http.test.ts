import { afterEach, expect, it, vi } from "vitest";
import { ApiError, fieldMessageOf, messageOf, request, requestText } from "./http";

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

it("says what is wrong with a field at the field, and the rest beside it", () => {
  const error = new ApiError(400, "VALIDATION_FAILED", "Some fields are wrong.", [
    { field: "url", message: "must begin with https://" },
    { field: "events.0", message: "is told to single persons only" },
    { field: "eventsOfOld", message: "is not known" },
  ]);
  expect(fieldMessageOf(error, "url")).toBe("Must begin with https://.");
  expect(fieldMessageOf(error, "events")).toBe("Is told to single persons only.");
  expect(fieldMessageOf(error, "description")).toBe("");
  expect(fieldMessageOf(new TypeError("no network"), "url")).toBe("");
  expect(messageOf(error, ["url", "events"])).toBe("Some fields are wrong. is not known");
  expect(messageOf(error)).toContain("must begin with https:// is told to single persons only");
});
