import { expect, it } from "vitest";
import type { Proposal } from "../api/proposals";
import { inReadingOrder } from "./order";

const proposal = (id: string, kind: Proposal["kind"] = "replace"): Proposal => ({
  id,
  kind,
  runId: null,
  label: null,
  before: "",
  text: "",
  createdAt: null,
  status: "open",
  decidedBy: null,
  decidedAt: null,
});

it("reads what is proposed in the order of the text, and outputs last", () => {
  const places: Record<string, number> = { fish: 2, sea: 1 };
  const proposals = [
    proposal("result", "output"),
    proposal("fish"),
    proposal("sea"),
    proposal("top", "insert"),
  ];
  const read = inReadingOrder(proposals, (id) => places[id] ?? null);
  expect(read.map(({ id }) => id)).toEqual(["top", "sea", "fish", "result"]);
});
