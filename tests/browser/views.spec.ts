import { expect, type Page } from "@playwright/test";
import { call } from "../rest";
import { test } from "./studio";

const row = (page: Page, title: string) => page.getByRole("row", { name: new RegExp(`^${title} `) });

test("the tree shows what is inside what, live, and moves nodes by hand, by menu and by keys", async ({
  studio,
}, info) => {
  for (const title of ["Outer", "Middle", "Inner"]) await studio.addNode(title);
  const ada = await studio.visit("Ada");
  const ben = await studio.visit("Ben");
  for (const { page } of [ada, ben]) {
    // Rows that are out of sight are not there, and other tests leave nodes behind.
    await page.setViewportSize({ width: 1280, height: 3000 });
    await page.getByRole("link", { name: "Tree" }).click();
    await expect(page).toHaveURL(/\/tree$/);
    await expect(row(page, "Outer")).toHaveAttribute("aria-level", "1");
  }

  await row(ada.page, "Middle").dragTo(row(ada.page, "Outer"));
  for (const { page } of [ada, ben]) await expect(row(page, "Middle")).toHaveAttribute("aria-level", "2");

  await ada.page.getByRole("button", { name: "Actions for Inner" }).click();
  await ada.page.getByRole("menuitem", { name: "Move inside…" }).click();
  await ada.page.keyboard.type("midd");
  await ada.page.keyboard.press("Enter");
  await expect(row(ben.page, "Inner")).toHaveAttribute("aria-level", "3");
  await ada.page.screenshot({ path: info.outputPath("nested.png") });

  await row(ada.page, "Inner").click();
  await ada.page.keyboard.press("Alt+ArrowLeft");
  await expect(row(ada.page, "Inner")).toBeFocused();
  await expect(row(ben.page, "Inner")).toHaveAttribute("aria-level", "2");

  await row(ada.page, "Outer").click();
  await ada.page.keyboard.press("ArrowLeft");
  await expect(row(ada.page, "Outer")).toHaveAttribute("aria-expanded", "false");
  await expect(row(ada.page, "Inner")).toHaveCount(0);
  await expect(row(ben.page, "Inner")).toHaveCount(1);
  await expect(ada.stateLine).toHaveText("Saved");
});

test("the tree is sorted and filtered, and says so", async ({ studio, server, owner }) => {
  for (const [title, status] of [
    ["Sorted 2", "draft"],
    ["Sorted 10", "complete"],
    ["Sorted 1", "in_progress"],
  ]) {
    const id = await studio.addNode(title as string);
    await call(server, `/nodes/${id}`, { person: owner, method: "PATCH", body: { status } });
  }
  const { page } = await studio.visit("Ada");
  await page.getByRole("link", { name: "Tree" }).click();
  await page.getByRole("textbox", { name: "Title or tag" }).fill("sorted");
  const titles = () =>
    page
      .locator("[data-row]")
      .evaluateAll((rows) => rows.map((it) => it.textContent?.match(/Sorted \d+/)?.[0]));
  const title = page.getByRole("columnheader", { name: "Title" });
  await title.getByRole("button").click();
  await expect(title).toHaveAttribute("aria-sort", "ascending");
  await expect.poll(titles).toEqual(["Sorted 1", "Sorted 2", "Sorted 10"]);
  await page.getByRole("columnheader", { name: "Status" }).getByRole("button").click();
  await expect.poll(titles).toEqual(["Sorted 2", "Sorted 1", "Sorted 10"]);
  await page.getByRole("combobox", { name: "Status" }).selectOption("complete");
  await expect.poll(titles).toEqual(["Sorted 10"]);
  await page.getByRole("textbox", { name: "Title or tag" }).fill("no such node");
  await expect(page.getByRole("heading", { name: "No node matches" })).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).last().click();
  await expect.poll(async () => (await titles()).length).toBeGreaterThan(3);
});

test("a node is added, named, opened and deleted in the tree without a mouse", async ({ studio }) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  await page.keyboard.press("2");
  await expect(page.getByRole("treegrid", { name: "Nodes" })).toBeVisible();
  await page.keyboard.press("n");
  await expect(page.getByRole("textbox", { name: "Node title" })).toBeFocused();
  await page.keyboard.type("Made in the tree");
  await page.keyboard.press("Enter");
  await expect(row(page, "Made in the tree")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(ada.title).toHaveValue("Made in the tree");
  await expect(page).toHaveURL(/\/tree\/n\/[0-9a-f-]{36}$/);
  await page.keyboard.press("Escape");
  await expect(ada.panel).toBeHidden();
  await expect(row(page, "Made in the tree")).toBeFocused();
  await page.keyboard.press("Delete");
  await expect(row(page, "Made in the tree")).toHaveCount(0);
  await expect(page.locator("[data-row]:focus")).toHaveCount(1);
});

test("views keep what is selected and open, and the address brings one back", async ({ studio }, info) => {
  const nodeId = await studio.addNode("Kept");
  const ada = await studio.visit("Ada", { nodeId });
  const { page } = ada;
  await page.getByRole("link", { name: "Graph" }).click();
  await expect(page).toHaveURL(new RegExp(`/graph/n/${nodeId}$`));
  await expect(ada.title).toHaveValue("Kept");
  await expect(page.locator(".graph .react-flow__node.selected")).toHaveText(/Kept/);
  await page.screenshot({ path: info.outputPath("graph.png") });
  await page.reload();
  await expect(page.getByRole("application", { name: "Graph" })).toBeVisible();
  await expect(ada.title).toHaveValue("Kept");
  await page.getByRole("link", { name: "Tree" }).click();
  await expect(row(page, "Kept")).toHaveAttribute("aria-selected", "true");
  await page.getByRole("link", { name: "Canvas" }).click();
  await expect(ada.card("Kept")).toHaveClass(/selected/);
});

test("the graph draws what feeds others to the left, opens what is clicked, and shows cycles", async ({
  studio,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  await page.getByRole("link", { name: "Graph" }).click();
  const at = async (title: string) => (await ada.card(title).boundingBox())?.x ?? Number.NaN;
  await expect(ada.card("Market research")).toBeVisible();
  expect(await at("Market research")).toBeLessThan(await at("Twelve interviews"));
  expect(await at("Twelve interviews")).toBeLessThan(await at("Pricing"));
  await ada.card("Pricing").click();
  await expect(ada.title).toHaveValue("Pricing");
  await page.keyboard.press("Escape");
  await expect(ada.card("Pricing")).toBeFocused();
  await page.keyboard.press("ArrowLeft");
  await expect(ada.card("Twelve interviews")).toBeFocused();
  await page.screenshot({ path: info.outputPath("graph.png") });
});
