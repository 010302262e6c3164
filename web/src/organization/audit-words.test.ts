import { expect, it } from "vitest";
import { AUDIT_ACTIONS, actionWords, actorWords, detailLines } from "./audit-words";

it("says who did it, and for whom", () => {
  expect(actorWords({ actor: "user:1", userName: "Ada" })).toBe("Ada");
  expect(actorWords({ actor: "user:1", userName: null })).toBe("Somebody who is gone");
  expect(actorWords({ actor: "api_key:1", userName: "Ada" })).toBe("API key of Ada");
  expect(actorWords({ actor: "system:1", userName: null })).toBe("The server");
});

it("shows by its name what a newer server calls something", () => {
  expect(actionWords("organization.member_left")).toBe("left the organization");
  expect(actionWords("rocket.was_launched")).toBe("Rocket: was launched");
});

it("says what people decided of what agents do", () => {
  const decided = ["execution.paused", "execution.resumed", "execution.answered"];
  const judged = ["node.proposal_accepted", "node.proposal_rejected"];
  for (const action of [...decided, ...judged]) expect(Object.keys(AUDIT_ACTIONS)).toContain(action);
});

it("lists details, whatever they are", () => {
  expect(detailLines({ role: "admin", before: null, roleOfMember: ["a", "b"], x: { y: 1 } })).toEqual([
    "Role: admin",
    "Before: none",
    "Role of member: a, b",
    'X: {"y":1}',
  ]);
});
