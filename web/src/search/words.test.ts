import { expect, it } from "vitest";
import { foundWords, nearestWords } from "./words";

it("counts what is listed, beside what is listed by its title", () => {
  const words = (listed: number, titled: number, hasMore = false) => foundWords({ listed, titled, hasMore });
  expect(words(0, 0)).toBe("Nothing found in texts and files.");
  expect(words(0, 2)).toBe("Nothing more found in texts and files.");
  expect(words(1, 0)).toBe("1 found in texts and files.");
  expect(words(1, 2)).toBe("1 more found in texts and files.");
  expect(words(20, 0, true)).toBe("The best 20 in texts and files. More words find fewer.");
  expect(words(18, 2, true)).toBe("The best 18 in texts and files. More words find fewer.");
});

it("says how much is near, by whatever that is measured", () => {
  expect([0, 1, 7].map(nearestWords)).toEqual([
    "Nothing near to it found.",
    "The nearest one is listed.",
    "The 7 nearest are listed.",
  ]);
});
