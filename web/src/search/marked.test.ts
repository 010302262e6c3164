import { expect, it } from "vitest";
import { partsOf } from "./marked";

const found = (text: string, query: string) =>
  partsOf(text, query)
    .filter(({ isFound }) => isFound)
    .map((part) => part.text);

it("finds the words that begin as those of the query, in any case and language", () => {
  expect(found("Zeppelins fly; a zeppelin flew.", "zeppelin")).toEqual(["Zeppelins", "zeppelin"]);
  expect(found("Die Größe der Übung", "größe übung")).toEqual(["Größe", "Übung"]);
  expect(found("a cart in the art gallery", "art")).toEqual(["art"]);
  expect(found("anything", "(.*")).toEqual([]);
});

it("loses nothing of the text", () => {
  for (const query of ["", "b", "a b", "*", "c c"]) {
    expect(
      partsOf("a b, c", query)
        .map(({ text }) => text)
        .join(""),
    ).toBe("a b, c");
  }
});
