import { expect, it } from "vitest";
import { queryIn } from "./mention-menu";

it("asks for people after an @ that begins a word, and not within addresses", () => {
  expect(queryIn("@")).toBe("");
  expect(queryIn("See @ad")).toBe("ad");
  expect(queryIn("(@Ada")).toBe("Ada");
  for (const text of ["ada@example", "@ada goes", "", "@ada!"]) expect(queryIn(text)).toBeNull();
});
