import { expect, type Locator } from "@playwright/test";
import { test } from "./studio";

test("two people type in one paragraph at the same time, and see each other's carets", async ({
  studio,
}, info) => {
  const nodeId = await studio.addNode("Typing together", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await expect(ada.whoIsHere.getByRole("img", { name: "Ben" })).toBeVisible();
  await expect(ben.whoIsHere.getByRole("img", { name: "Ada" })).toBeVisible();

  await ada.enterBody();
  await ben.body.click();
  await ben.page.keyboard.press("Control+Home");
  await expect(ada.body.getByText("Ben", { exact: true })).toBeVisible();
  await expect(ben.body.getByText("Ada", { exact: true })).toBeVisible();

  await Promise.all([
    ada.page.keyboard.type(" Ada writes at the end of it.", { delay: 20 }),
    ben.page.keyboard.type("Ben writes before it. ", { delay: 25 }),
  ]);
  const wanted = "Ben writes before it. Start. Ada writes at the end of it.";
  for (const { body, stateLine } of [ada, ben]) {
    await expect.poll(() => body.locator("p").first().evaluate(textWithoutCarets)).toBe(wanted);
    await expect(body.locator("p")).toHaveCount(1);
    await expect(stateLine).toHaveText("Saved");
  }
  await ada.page.screenshot({ path: info.outputPath("ada.png") });
  await ben.page.screenshot({ path: info.outputPath("ben.png") });
});

test("a node that somebody moves moves for everybody while it moves", async ({ studio }, info) => {
  await studio.addNode("To be moved");
  const ada = await studio.visit("Ada");
  const ben = await studio.visit("Ben");
  const [seenByAda, seenByBen] = [ada.card("To be moved"), ben.card("To be moved")];
  await expect(seenByBen).toBeVisible();
  const from = await centreOf(seenByAda);
  const before = await centreOf(seenByBen);

  await ada.page.mouse.move(from.x, from.y);
  await ada.page.mouse.down();
  await ada.page.mouse.move(from.x + 60, from.y + 40, { steps: 8 });
  // The button is still down.
  await expect.poll(async () => (await centreOf(seenByBen)).x - before.x).toBeGreaterThan(40);
  await expect(ben.page.getByTestId("peer-cursor").filter({ hasText: "Ada" })).toBeVisible();
  await ben.page.screenshot({ path: info.outputPath("while-it-moves.png") });
  await ada.page.mouse.move(from.x + 120, from.y + 80, { steps: 8 });
  await ada.page.mouse.up();

  await expect(ada.stateLine).toHaveText("Saved");
  await expect.poll(async () => (await placeOf(seenByBen)) === (await placeOf(seenByAda))).toBe(true);
});

test("undo takes back one's own words and moves, and nobody else's", async ({ studio }) => {
  const nodeId = await studio.addNode("Undone", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await ada.enterBody();
  await ada.page.keyboard.type(" By Ada.");
  await expect(ben.body).toContainText("By Ada.");
  await ben.enterBody();
  await ben.page.keyboard.type(" By Ben.");
  await expect(ada.body).toContainText("By Ben.");

  await ada.page.keyboard.press("Control+z");
  await expect(ada.body).not.toContainText("By Ada.");
  await expect(ben.body).not.toContainText("By Ada.");
  for (const { body } of [ada, ben]) await expect(body).toContainText("By Ben.");
  // There is nothing more of hers to undo.
  await ada.page.keyboard.press("Control+z");
  await ben.page.keyboard.type(" More by Ben.");
  await expect(ada.body).toContainText("By Ben. More by Ben.");
  await ada.page.keyboard.press("Control+Shift+z");
  await expect(ben.body).toContainText("By Ada.");
});

interface Point {
  x: number;
  y: number;
}

async function centreOf(card: Locator): Promise<Point> {
  const box = await card.boundingBox();
  if (!box) throw new Error("the card is not on the screen");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Where a card is on the canvas, whatever part of the canvas is on the screen. */
function placeOf(card: Locator): Promise<string> {
  return card.evaluate(
    (element) => element.closest<HTMLElement>(".react-flow__node")?.style.transform ?? "nowhere",
  );
}

/** The words of a paragraph. Others' carets stand in it with their names, and are no part of it. */
function textWithoutCarets(paragraph: Element): string {
  const copy = paragraph.cloneNode(true) as Element;
  for (const caret of copy.querySelectorAll(".caret, .ProseMirror-widget")) caret.remove();
  return (copy.textContent ?? "").replaceAll("\u2060", "");
}
