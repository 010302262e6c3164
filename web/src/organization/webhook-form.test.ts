import { expect, it } from "vitest";
import type { Webhook } from "../api/webhooks";
import { changesOf, formOf, toggled, typesFor, webhookOf } from "./webhook-form";

const WEBHOOK: Webhook = {
  id: "hook",
  url: "https://example.com/hook",
  description: "The tracker",
  events: ["trace", "node_created"],
  active: true,
  disabledReason: null,
  failingSince: null,
  createdAt: "2026-01-01T00:00:00Z",
};

it("says of a webhook only what was changed", () => {
  const form = formOf(WEBHOOK);
  expect(changesOf(form, WEBHOOK)).toEqual({});
  expect(changesOf({ ...form, url: ` ${WEBHOOK.url} ` }, WEBHOOK)).toEqual({});
  expect(changesOf({ ...form, events: form.events.toReversed() }, WEBHOOK)).toEqual({});
  expect(changesOf({ ...form, url: "https://example.com/other" }, WEBHOOK)).toEqual({
    url: "https://example.com/other",
  });
  expect(changesOf({ ...form, description: "" }, WEBHOOK)).toEqual({ description: "" });
  expect(changesOf({ ...form, events: toggled(form.events, "trace") }, WEBHOOK)).toEqual({
    events: ["node_created"],
  });
});

it("says all of a new webhook", () => {
  const form = { ...formOf(null), url: " https://example.com/hook " };
  expect(webhookOf(form)).toEqual({ url: "https://example.com/hook", description: "", events: [] });
});

it("offers what a webhook is told besides what is most asked for", () => {
  expect(typesFor(WEBHOOK)).toEqual([...typesFor(null), "trace"]);
});

it("adds types, and takes them back", () => {
  expect(toggled(["trace"], "node_created")).toEqual(["trace", "node_created"]);
  expect(toggled(["trace", "node_created"], "trace")).toEqual(["node_created"]);
});
