import { expect, it } from "vitest";
import { formOf, modelOf } from "./model-form";
import { factsOf } from "./models-section";

const MODEL = {
  id: "1",
  name: "small",
  baseUrl: "https://models.example.com/v1",
  model: "small-1",
  keyName: null,
  usdPerMillionIn: 0.15,
  usdPerMillionOut: null,
  contextTokens: 128_000,
  outputTokens: 16_000,
  fallbacks: ["large", "demo"],
  isDemo: false,
};

it("sends back what it was given", () => {
  const { id: _, isDemo: __, ...fields } = MODEL;
  expect(modelOf(formOf(MODEL))).toEqual(fields);
});

it("takes an empty price for unknown, and nought for nothing", () => {
  const form = { ...formOf(MODEL), usdPerMillionIn: " ", usdPerMillionOut: "0" };
  expect(modelOf(form)).toMatchObject({ usdPerMillionIn: null, usdPerMillionOut: 0 });
  expect(factsOf({ ...MODEL, ...modelOf(form) })).toContain("unknown in, $0 out");
  expect(factsOf({ ...MODEL, usdPerMillionIn: null })).toContain("Price unknown");
});
