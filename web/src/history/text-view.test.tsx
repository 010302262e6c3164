import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import type { TextBlock, TextSpan } from "../api/history";
import { looksOf } from "./authors";
import { TextView } from "./text-view";

afterEach(cleanup);

const AUTHORS = {
  "user:1": { kind: "user", id: "1", name: "Ada" },
  "agent:2": { kind: "agent", id: "2", name: null },
} as const;
const by = (principal: string) => ({
  principal,
  from: "2026-11-21T12:00:00Z",
  until: "2026-11-21T12:00:00Z",
  firstSeq: 1,
  lastSeq: 1,
});
const paragraph = (...spans: TextSpan[]): TextBlock => ({
  path: ["paragraph"],
  attributes: {},
  change: "kept",
  spans,
});
const kept = (text: string): TextSpan => ({ text, change: "kept", inserted: by("user:1") });

it("says of each change what it was and whose", () => {
  const blocks = [
    paragraph(
      kept("same "),
      { text: "new", change: "inserted", inserted: by("agent:2") },
      { text: "old", change: "deleted", inserted: by("agent:2"), deleted: by("user:1") },
    ),
  ];
  const { container } = render(
    <TextView text={{ part: "body", blocks }} heading={null} lookOf={looksOf(AUTHORS)} mode="changes" />,
  );
  const [added, gone] = [container.querySelector("ins"), container.querySelector("del")];
  expect(added?.textContent).toBe("new");
  expect(added?.title).toMatch(/^Written by An agent, /);
  expect(gone?.textContent).toBe("old");
  expect(gone?.title).toMatch(/^Deleted by Ada, /);
});

it("folds what did not change, and unfolds it when asked", () => {
  const far = ["one", "two", "three"].map((word) => paragraph(kept(word)));
  const blocks = [...far, paragraph({ text: "new", change: "inserted", inserted: by("user:1") })];
  render(
    <TextView text={{ part: "body", blocks }} heading={null} lookOf={looksOf(AUTHORS)} mode="changes" />,
  );
  expect(screen.queryByText("one")).toBeNull();
  expect(screen.getByText("three")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "… 2 paragraphs unchanged" }));
  expect(screen.getByText("one")).toBeTruthy();
});

it("marks every word with its author when authors are asked for", () => {
  const blocks = [paragraph(kept("mine "), { text: "theirs", change: "kept", inserted: by("agent:2") })];
  render(
    <TextView text={{ part: "body", blocks }} heading="Body" lookOf={looksOf(AUTHORS)} mode="authors" />,
  );
  expect(screen.getByText("mine").title).toMatch(/^Ada, /);
  expect(screen.getByText("theirs").title).toMatch(/^An agent, /);
});

it("gives no two authors the same colours, and nobody another when more come", () => {
  const lookOf = looksOf(AUTHORS);
  expect(lookOf("user:1").solid).not.toBe(lookOf("agent:2").solid);
  const more = looksOf(AUTHORS, { "agent:0": { kind: "agent", id: "0", name: null } });
  expect(more("user:1")).toEqual(lookOf("user:1"));
  expect(more("agent:0").solid).not.toBe(more("agent:2").solid);
});
