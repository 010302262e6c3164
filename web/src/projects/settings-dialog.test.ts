import { expect, it } from "vitest";
import type { Project } from "../api/types";
import { changesOf } from "./settings-dialog";

const PROJECT: Project = {
  id: "p",
  orgId: "o",
  name: "Plan",
  description: null,
  workflowStates: ["draft", "done"],
  role: "admin",
  createdAt: "",
  updatedAt: "",
};
const FORM = { name: "Plan", description: "", states: "draft, done", lockMode: "advisory" as const };

it("sends what was changed, and nothing else", () => {
  expect(changesOf(PROJECT, FORM)).toEqual({});
  expect(changesOf(PROJECT, { ...FORM, name: " New ", states: "a,, b ", lockMode: "enforced" })).toEqual({
    name: "New",
    workflowStates: ["a", "b"],
    settings: { lockMode: "enforced" },
  });
  expect(changesOf({ ...PROJECT, description: "x" }, FORM)).toEqual({ description: null });
});
