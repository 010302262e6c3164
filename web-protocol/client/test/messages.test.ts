import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { type ClientPayloads, decodeMessage, encodeMessage, MalformedMessageError } from "../src/messages.js";

interface MessageVector {
  name: string;
  rule: string;
  from: "client" | "server";
  message: { type: string; payload: Record<string, unknown>; requestId?: string };
}

const file = new URL("../../vectors/messages.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as MessageVector[];
const from = (side: string): (readonly [string, string, MessageVector["message"]])[] =>
  vectors
    .filter((each) => each.from === side)
    .map(({ rule, name, message }) => [rule, name, message] as const);

describe("golden messages", () => {
  test.each(from("client"))("%s: %s is written so", (_rule, _name, { type, payload, requestId }) => {
    const encoded = encodeMessage(
      type as keyof ClientPayloads,
      payload as ClientPayloads[keyof ClientPayloads],
      requestId ?? "",
    );
    expect(JSON.parse(encoded)).toEqual({ type, payload, requestId });
  });

  test.each(from("server"))("%s: %s is read", (_rule, _name, message) => {
    const decoded = decodeMessage(JSON.stringify(message));
    expect(decoded?.type).toBe(message.type);
    expect(decoded?.requestId).toBe(message.requestId);
    const { code, message: text, retry, ...rest } = message.payload;
    if (code === undefined) expect(decoded?.payload).toMatchObject(rest);
    else expect(decoded?.payload).toEqual({ ...rest, cause: { code, message: text, retry } });
  });
});

describe("G2: reading", () => {
  test("unknown types are null, unknown members are left out", () => {
    expect(decodeMessage('{"type":"dance","payload":{}}')).toBeNull();
    expect(decodeMessage('{"type":"toString"}')).toBeNull();
    expect(decodeMessage('{"type":"lagging","payload":{"channel":"doc:x","more":1},"extra":2}')).toEqual({
      type: "lagging",
      payload: { channel: "doc:x" },
    });
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    '"welcome"',
    '{"payload":{}}',
    '{"type":1}',
    '{"type":"lagging"}',
    '{"type":"lagging","payload":[]}',
    '{"type":"lagging","payload":{"channel":7}}',
    '{"type":"repaired","payload":{"channel":"doc:x","repairs":[7],"more":0}}',
    '{"type":"refused","payload":{"channel":"doc:x","update":-1,"code":"A","message":"b","retry":true}}',
    '{"type":"refused","payload":{"channel":"doc:x","update":1.5,"code":"A","message":"b","retry":true}}',
    '{"type":"error","payload":{"code":"A","message":"b","retry":"yes"}}',
    '{"type":"subscribed","payload":{"channel":"doc:x","access":"write","sync":{"number":1}}}',
  ])("%s is malformed", (text) => {
    expect(() => decodeMessage(text)).toThrow(MalformedMessageError);
  });

  test("an access that is not known is read access", () => {
    expect(
      decodeMessage('{"type":"subscribed","payload":{"channel":"doc:x","access":"comment"}}')?.payload,
    ).toEqual({
      channel: "doc:x",
      access: "read",
    });
  });
});
