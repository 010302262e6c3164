import { expect, it } from "vitest";
import { webAddress } from "./web-address";

it("completes what people type", () => {
  expect(webAddress("example.org/a")).toBe("https://example.org/a");
  expect(webAddress(" https://example.org ")).toBe("https://example.org/");
});

it("follows web pages and mailboxes only", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "two words", ""]) {
    expect(webAddress(text)).toBeNull();
  }
});
