import { expect, it } from "vitest";
import { EVENT_SOURCING_LEVELS } from "../api/types";
import { areSameRules, identityChanges, keepsLess, toolsFor, withRules } from "./settings-form";

const ORGANIZATION = { name: "Engines", slug: "engines" };

it("sends of a name and a slug what was changed, and nothing that is empty", () => {
  expect(identityChanges(ORGANIZATION, {})).toEqual({});
  expect(identityChanges(ORGANIZATION, { name: " Engines ", slug: " " })).toEqual({});
  expect(identityChanges(ORGANIZATION, { name: " Looms ", slug: "looms" })).toEqual({
    name: "Looms",
    slug: "looms",
  });
});

it("knows which level keeps less than another", () => {
  const [full, snapshot, audit] = EVENT_SOURCING_LEVELS;
  expect(keepsLess(full, snapshot) && keepsLess(snapshot, audit) && keepsLess(full, audit)).toBe(true);
  expect(keepsLess(audit, full) || keepsLess(audit, audit)).toBe(false);
});

it("changes the rules that were chosen, and leaves alone what it does not know", () => {
  const rules = { search: "deny", anything: "approve" } as const;
  expect(withRules(rules, { edit_body: "approve", search: "default" })).toEqual({
    anything: "approve",
    edit_body: "approve",
  });
  expect(toolsFor(rules).map(({ name }) => name)).toContain("anything");
  expect(toolsFor(rules).filter(({ name }) => name === "search")).toHaveLength(1);
});

it("takes rules for the same whatever their order", () => {
  expect(areSameRules({ a: "allow", b: "deny" }, { b: "deny", a: "allow" })).toBe(true);
  expect(areSameRules({ a: "allow" }, { a: "deny" })).toBe(false);
  expect(areSameRules({}, { a: "allow" })).toBe(false);
});
