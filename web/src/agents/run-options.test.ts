import { expect, it } from "vitest";
import { FIRST_FORM, optionsOf } from "./run-options";

it("asks for nothing that was not chosen, so that a template may say it", () => {
  expect(optionsOf(FIRST_FORM)).toEqual({});
});

it("asks for what was chosen, and for no budget that is none", () => {
  const form = { ...FIRST_FORM, instructions: " Be brief. ", mode: "propose", target: "body" } as const;
  expect(optionsOf({ ...form, isPlanning: false, isPatient: true, tokenBudget: "5000" })).toEqual({
    instructions: "Be brief.",
    mode: "propose",
    target: "body",
    plan: false,
    ifBusy: "enqueue",
    tokenBudget: 5000,
  });
  for (const tokenBudget of ["-1", "0", "1.5", "many"]) {
    expect(optionsOf({ ...FIRST_FORM, tokenBudget })).toEqual({});
  }
});
