import { expect } from "@playwright/test";
import { test } from "./studio";

test("N adds a node, Enter opens it, Esc goes back", async ({ studio }, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  await page.keyboard.press("n");
  await expect(page.getByRole("textbox", { name: "Node title" })).toBeFocused();
  await page.keyboard.type("Made by hand");
  await page.keyboard.press("Enter");
  const card = ada.card("Made by hand");
  await expect(card).toBeFocused();

  await page.keyboard.press("Enter");
  await expect(ada.panel).toBeVisible();
  await expect(ada.title).toHaveValue("Made by hand");
  await expect(page).toHaveURL(/\/n\/[0-9a-f-]{36}$/);
  await page.screenshot({ path: info.outputPath("opened.png") });

  await page.keyboard.press("Escape");
  await expect(ada.panel).toBeHidden();
  await expect(card).toBeFocused();
  await expect(ada.stateLine).toHaveText("Saved");
});

test("letters that are typed into a text are no shortcuts", async ({ studio }) => {
  const nodeId = await studio.addNode("Typed in");
  const ada = await studio.visit("Ada", { nodeId });
  const cards = await ada.page.locator(".react-flow__node").count();
  await ada.enterBody();
  await ada.page.keyboard.type("no new node, none");
  await expect(ada.body).toContainText("no new node, none");
  await ada.page.keyboard.press("Escape");
  await expect(ada.body).not.toBeFocused();
  await expect(ada.panel).toBeVisible();
  await expect(ada.page.locator(".react-flow__node")).toHaveCount(cards);
});
