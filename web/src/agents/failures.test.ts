import { expect, it } from "vitest";
import { failureWords, formLike, sentence } from "./failures";
import { aRun } from "./fixtures";

const failed = (code: string, message = "why") => failureWords({ code, message });

it("offers to go on only where that may help", () => {
  expect(failed("MODEL_UNAVAILABLE").mayRetry).toBe(true);
  expect(failed("BUDGET_EXCEEDED").mayRetry).toBe(false);
});

it("says what the server says of a failure that is not known here", () => {
  expect(failed("NEWER", "the moon is full")).toMatchObject({ title: "The moon is full", mayRetry: true });
  expect(sentence("is it?")).toBe("Is it?");
});

it("offers more tokens to run anew where they were used up, and as many otherwise", () => {
  const run = { tokenBudget: 5_000, mode: "propose", instructions: "Be brief." } as const;
  const usedUp = { code: "BUDGET_EXCEEDED", message: "" };
  expect(formLike(aRun({ ...run, error: usedUp }))).toMatchObject({
    tokenBudget: "10000",
    mode: "propose",
    instructions: "Be brief.",
  });
  expect(formLike(aRun(run)).tokenBudget).toBe("5000");
});
