import { expect, it } from "vitest";
import type { TraceEvent } from "../api/executions";
import { nodeOf, stepWords } from "./steps";

const N = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const step = (type: string, data: TraceEvent["data"], more: Partial<TraceEvent> = {}): TraceEvent => ({
  id: "1",
  executionId: "r",
  seq: 1,
  changed: 1,
  type,
  at: "2026-11-21T12:00:00Z",
  durationMs: 10,
  model: null,
  tokensIn: null,
  tokensOut: null,
  estimatedCostUsd: null,
  data,
  ...more,
});

it("tells a plan by its first line", () => {
  const plan = "## Plan\n\n1. Read\n2. Write";
  expect(stepWords(step("decision", { decision: "plan", plan }))).toMatchObject({
    title: "Made a plan",
    detail: "Plan",
  });
});

it("tells what was proposed from what was done", () => {
  const call = { tool: "edit_body", result: { proposed: [N] }, error: null };
  expect(stepWords(step("tool_call", call)).title).toBe("Proposed 1 edit");
});

it("tells a call that nobody answered from one that was", () => {
  const call = step("llm_call", { phase: "plan", finish: "cut_off" }, { durationMs: 0, tokensOut: 0 });
  expect(stepWords(call).title).toBe("Asked the model, which gave no answer");
});

it("tells a tool by what it did, and why it did not work", () => {
  const call = {
    tool: "create_subnode",
    arguments: { title: "Prices" },
    result: { subnode_id: N },
    error: null,
  };
  expect(stepWords(step("tool_call", call))).toMatchObject({ title: "Made a node", detail: "Prices" });
  expect(nodeOf(step("tool_call", call))).toBe(N);
  const failed = { ...call, result: null, error: { code: "INVALID", message: "A title is needed." } };
  expect(stepWords(step("tool_call", failed))).toMatchObject({
    detail: "A title is needed.",
    tone: "danger",
  });
  const refused = { ...call, result: null, error: { code: "NOT_APPROVED", message: "A person said no." } };
  expect(stepWords(step("tool_call", refused))).toMatchObject({ tone: "warn", detail: "Prices" });
});

it("says that a call is under way until it has taken its time", () => {
  expect(stepWords(step("llm_call", { phase: "plan" }, { durationMs: null })).title).toBe("Is thinking");
  const asked = { phase: "execute", toolCalls: [{ id: "1", name: "add_output" }] };
  expect(stepWords(step("llm_call", asked)).detail).toBe("wants to add output");
});

it("does not cry over what is tried again", () => {
  const told = (retry: boolean) =>
    stepWords(step("error", { code: "RATE_LIMITED", message: "Too fast.", retry })).tone;
  expect([told(true), told(false)]).toEqual(["warn", "danger"]);
});

it("has words for what it does not know", () => {
  expect(stepWords(step("new_kind", {})).title).toBe("New kind");
  expect(stepWords(step("tool_call", { tool: "send_mail", error: "no" })).title).toBe("Used send mail");
  expect(nodeOf(step("tool_call", { result: { nodeId: "javascript:" }, arguments: "x" }))).toBeNull();
});
