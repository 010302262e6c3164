import { expect, it } from "vitest";
import { StreamReader } from "./event-source";

it("reads messages, however they are cut", () => {
  const text = 'retry: 2000\nid: 7\n: welcome\n\nid: 8\nevent: lock_acquired\ndata: {"a":1}\n\n';
  const reader = new StreamReader();
  const read = [...text].flatMap((letter) => reader.read(letter));
  expect(read).toEqual([
    { data: null, type: "message", id: "7", retryMs: 2000 },
    { data: '{"a":1}', type: "lock_acquired", id: "8", retryMs: null },
  ]);
});

it("joins lines of data, and leaves alone what it does not know", () => {
  expect(new StreamReader().read("data: a\r\ndata:b\r\nfoo: x\r\n\r\n")).toEqual([
    { data: "a\nb", type: "message", id: null, retryMs: null },
  ]);
});
