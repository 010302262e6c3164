import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../api/http";
import { FakeSending } from "./fake-sending";
import { aFile } from "./fixtures";
import { Transfer } from "./transfer";

const FILE = new File(["hello"], "a.txt", { type: "text/plain" });
let asked: [string, unknown][];
let refusals: Record<string, number>;
/** What is refused once. */
let tooSoon: Set<string>;

beforeEach(() => {
  asked = [];
  refusals = {};
  tooSoon = new Set();
  FakeSending.sent = [];
  vi.stubGlobal("XMLHttpRequest", FakeSending);
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const call = `${init.method} ${url.replace("/api/v1", "")}`;
    asked.push([call, init.body ? JSON.parse(String(init.body)) : null]);
    const status = refusals[call];
    if (status) return Response.json({ title: "No", status, code: "NO" }, { status });
    if (tooSoon.delete(call)) return Response.json({}, { status: 429, headers: { "Retry-After": "0" } });
    if (init.method === "DELETE") return new Response(null, { status: 204 });
    if (url.endsWith("/confirm")) return Response.json(aFile());
    return Response.json({
      fileId: "file",
      uploadUrl: "http://elsewhere.example/api/v1/blobs/1?signature=2",
      uploadMethod: "PUT",
      uploadHeaders: { "Content-Type": "text/plain", "Content-Length": "5" },
      expiresAt: "2026-11-21T13:00:00Z",
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

function begin(transfer = new Transfer({ orgId: "org", projectId: "project" }, FILE)) {
  const stopping = new AbortController();
  const seen: unknown[] = [];
  const outcome = transfer.run({
    onSent: (bytes) => seen.push(bytes),
    onConfirming: () => seen.push("confirming"),
    signal: stopping.signal,
  });
  // A test that looks at it later is no less right.
  outcome.catch(() => {});
  return { transfer, stopping, seen, outcome };
}

const sending = (index = 0) =>
  vi.waitFor(() => {
    const sent = FakeSending.sent[index];
    if (!sent) throw new Error("nothing is sent yet");
    return sent;
  });

it("announces, sends and confirms a file, and asks for the store where the page came from", async () => {
  const { outcome, seen } = begin();
  const sent = await sending();
  expect(asked).toEqual([
    [
      "POST /orgs/org/files/upload",
      { filename: "a.txt", contentType: "text/plain", sizeBytes: 5, projectId: "project" },
    ],
  ]);
  expect(sent.url).toBe("PUT /api/v1/blobs/1?signature=2");
  expect(sent.headers).toEqual({ "Content-Type": "text/plain" });
  expect(sent.body).toBe(FILE);
  sent.upload.onprogress?.({ loaded: 3 });
  sent.answer(201);
  expect((await outcome).id).toBe("file");
  expect(seen).toEqual([3, "confirming"]);
  expect(asked.at(-1)).toEqual(["POST /files/file/confirm", null]);
});

it("begins anew after bytes were lost, and takes back what it had announced", async () => {
  const first = begin();
  (await sending()).lose();
  await expect(first.outcome).rejects.toMatchObject({ code: "UNREACHABLE" });
  const second = begin(first.transfer);
  (await sending(1)).answer(200);
  await second.outcome;
  expect(asked.map(([call]) => call)).toEqual([
    "POST /orgs/org/files/upload",
    "DELETE /files/file",
    "POST /orgs/org/files/upload",
    "POST /files/file/confirm",
  ]);
});

it("does not send again what has arrived when only the confirmation failed", async () => {
  refusals["POST /files/file/confirm"] = 503;
  const first = begin();
  (await sending()).answer(200);
  await expect(first.outcome).rejects.toBeInstanceOf(ApiError);
  refusals = {};
  await begin(first.transfer).outcome;
  expect(FakeSending.sent).toHaveLength(1);
});

it("sends again what the server does not know", async () => {
  refusals["POST /files/file/confirm"] = 404;
  const first = begin();
  (await sending()).answer(200);
  await expect(first.outcome).rejects.toBeInstanceOf(ApiError);
  refusals = {};
  const second = begin(first.transfer);
  (await sending(1)).answer(200);
  await second.outcome;
});

it("waits where it was too soon, and goes on by itself", async () => {
  const [announcing, confirming] = ["POST /orgs/org/files/upload", "POST /files/file/confirm"];
  tooSoon = new Set([announcing, confirming]);
  const { outcome } = begin();
  (await sending()).answer(200);
  expect((await outcome).id).toBe("file");
  expect(asked.map(([call]) => call)).toEqual([announcing, announcing, confirming, confirming]);
  expect(FakeSending.sent).toHaveLength(1);
});

it("says what the store refused", async () => {
  const tooLarge = begin();
  (await sending()).answer(413);
  await expect(tooLarge.outcome).rejects.toMatchObject({ status: 413, code: "TOO_LARGE" });
  const expired = begin();
  (await sending(1)).answer(403);
  await expect(expired.outcome).rejects.toMatchObject({ status: 0, code: "UPLOAD_FAILED" });
});

it("stops sending when it is stopped", async () => {
  const { outcome, stopping, transfer } = begin();
  await sending();
  stopping.abort();
  await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
  transfer.abandon();
  expect(asked.at(-1)?.[0]).toBe("DELETE /files/file");
});
