import { expect, it } from "vitest";
import { initials } from "../lib/text";
import { looksOf, nameOf } from "./authors";

it("calls people by their names, and says of programs what they are", () => {
  expect(nameOf({ kind: "user", id: "1", name: "Ada Lovelace" })).toBe("Ada Lovelace");
  expect(nameOf({ kind: "agent", id: "2", name: "Critic" })).toBe("Critic (agent)");
  expect(nameOf({ kind: "api_key", id: "3", name: "Nightly import" })).toBe("Nightly import (API key)");
});

it("has words for those without a name", () => {
  expect(nameOf({ kind: "agent", id: "2", name: null })).toBe("An agent");
  expect(nameOf({ kind: "api_key", id: "3", name: null })).toBe("An API key");
  expect(nameOf({ kind: "system", id: "4", name: null })).toBe("The server");
  expect(nameOf({ kind: "user", id: "5", name: null })).toBe("Somebody");
  expect(nameOf(undefined)).toBe("Somebody");
});

it("tells two keys apart", () => {
  const lookOf = looksOf({
    "api_key:1": { kind: "api_key", id: "1", name: "Import" },
    "api_key:2": { kind: "api_key", id: "2", name: "Report" },
  });
  expect(lookOf("api_key:1").name).not.toBe(lookOf("api_key:2").name);
  expect(initials(lookOf("api_key:1").name)).toBe("I");
});
