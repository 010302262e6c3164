import { expect } from "@playwright/test";
import { call } from "../rest";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

const openHistory = async ({ page, panel }: Visitor) => {
  await panel.getByRole("link", { name: "History" }).click();
  await expect(page).toHaveURL(/\/history$/);
  await expect(panel.getByRole("region", { name: "Sessions" })).toBeVisible();
};

async function write(visitor: Visitor, words: string): Promise<void> {
  await visitor.enterBody();
  await visitor.page.keyboard.type(words);
  await expect(visitor.stateLine).toHaveText("Saved");
}

test("history shows who wrote what, and what a node was", async ({ studio }, info) => {
  const nodeId = await studio.addNode("Remembered", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await write(ada, " Ada adds this.");
  await write(ben, " Ben goes on.");
  await openHistory(ada);
  const { panel, page } = ada;
  const was = panel.getByRole("region", { name: "What it was" });

  const work = panel.getByRole("list", { name: "Work" });
  await expect(work).toContainText("Ada");
  await expect(work).toContainText("Ben");
  await expect(was.locator("ins")).toContainText(["Ben goes on."]);
  await page.screenshot({ path: info.outputPath("changes.png") });
  await was.getByRole("combobox", { name: "Compared with" }).selectOption("beginning");
  await expect(was.locator("ins").filter({ hasText: "Ada adds this." })).toHaveAttribute("title", /Ada/);

  await was.getByRole("button", { name: "Authors" }).click();
  await expect(was.getByRole("list", { name: "Authors" })).toContainText("Ben");
  await expect(was.locator('[title^="Ada,"]')).toContainText("Ada adds this.");
  await expect(was.locator('[title^="Ben,"]')).toContainText("Ben goes on.");
  await page.screenshot({ path: info.outputPath("authors.png") });

  await was.getByRole("button", { name: "As it was" }).click();
  await panel.getByRole("slider").focus();
  await page.keyboard.press("Home");
  await expect(was).not.toContainText("Ada adds this.");
  await page.keyboard.press("End");
  await expect(was).toContainText("Ada adds this. Ben goes on.");

  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await was.getByRole("button", { name: "Changes" }).click();
    await expect(was.locator("ins").first()).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.screenshot({ path: info.outputPath(`history-${colorScheme}.png`) });
  }
});

test("a version is named, and brought back for everybody as an edit that can be taken back", async ({
  studio,
}, info) => {
  const nodeId = await studio.addNode("Brought back", "The first words.");
  const ada = await studio.visit("Ada", { nodeId });
  await expect(ada.body).toContainText("The first words.");
  await openHistory(ada);
  await ada.panel.getByRole("button", { name: "Name it" }).click();
  await ada.page.getByRole("textbox", { name: "Name" }).fill("As it began");
  await ada.page.getByRole("dialog").getByRole("button", { name: "Name it" }).click();
  await expect(ada.panel.getByRole("button", { name: /As it began/ }).first()).toBeVisible();
  await ada.panel.getByRole("link", { name: "Content" }).click();

  const ben = await studio.visit("Ben", { nodeId });
  await write(ben, " And a mistake.");
  await expect(ada.body).toContainText("And a mistake.");
  await openHistory(ada);
  await ada.panel.getByRole("button", { name: "As it began Version" }).click();
  await ada.panel.getByRole("button", { name: "Restore" }).click();
  await ada.page.screenshot({ path: info.outputPath("confirm.png") });
  await ada.page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
  await expect(ben.body).not.toContainText("And a mistake.");
  await expect(ben.body).toContainText("The first words.");

  // What came since is in the history still.
  const work = ada.panel.getByRole("list", { name: "Work" });
  await work.getByRole("button", { name: "Actions for the session of Ada" }).first().click();
  await ada.page.getByRole("menuitem", { name: "Take this session back…" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
  await expect(ben.body).toContainText("And a mistake.");
  await ada.page.screenshot({ path: info.outputPath("taken-back.png") });
});

test("what one person wrote is taken back, and what others wrote since stays", async ({ studio }) => {
  const nodeId = await studio.addNode("Taken back", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await write(ben, " By Ben.");
  await write(ada, " By Ada.");
  await openHistory(ada);
  await ada.panel.getByRole("button", { name: "Actions for the session of Ben" }).click();
  await ada.page.getByRole("menuitem", { name: "Take this session back…" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
  await expect(ben.body).not.toContainText("By Ben.");
  await expect(ben.body).toContainText("Start.");
  await expect(ben.body).toContainText("By Ada.");
});

test("a node goes back to one of its versions, its title and status included", async ({
  studio,
  server,
  owner,
}, info) => {
  const nodeId = await studio.addNode("As it was", "The first words.");
  const ada = await studio.visit("Ada", { nodeId });
  await openHistory(ada);
  const { panel, page } = ada;
  const versions = panel.getByRole("list", { name: "Versions" });
  await expect(versions.getByRole("listitem")).toHaveText([/^Version 1 Created.*Demo/]);

  // What somebody else changes is listed without asking for it.
  await call(server, `/nodes/${nodeId}`, {
    person: owner,
    method: "PATCH",
    body: { title: "As it is", status: "complete", body: "Other words." },
  });
  await expect(versions.getByRole("listitem").first()).toHaveText(/^Version \d.*Demo/);
  await expect(versions.getByRole("listitem")).not.toHaveCount(1);
  await expect(ada.title).toHaveValue("As it is");
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath("versions.png") });

  await versions.getByRole("button", { name: "Back to version 1" }).click();
  await page.screenshot({ path: info.outputPath("confirm-version.png") });
  await page.getByRole("dialog").getByRole("button", { name: "Go back" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(ada.title).toHaveValue("As it was");
  await expect(versions.getByRole("listitem").first()).toContainText("Back to version 1");
  await panel.getByRole("link", { name: "Content" }).click();
  await expect(ada.body).toHaveText("The first words.");
  await expect(panel.getByRole("combobox", { name: "Status" })).toHaveValue("draft");
});

test("an admin has forgotten for good what was written and deleted again", async ({
  studio,
  server,
  owner,
}, info) => {
  const nodeId = await studio.addNode("Forgetful", "Start.");
  const history = `/documents/node:${nodeId}/history`;
  const secret = " A secret.";
  const ada = await studio.visit("Ada", { nodeId });
  await write(ada, secret);
  const { headSeq } = await call<{ headSeq: number }>(server, history, { person: owner });
  const textThen = async () =>
    JSON.stringify(await call(server, `${history}/blame?seq=${headSeq}`, { person: owner }));
  expect(await textThen()).toContain(secret);
  for (const _ of secret) await ada.page.keyboard.press("Backspace");
  await expect(ada.body).toHaveText("Start.");
  await expect(ada.stateLine).toHaveText("Saved");
  await openHistory(ada);
  await expect(ada.panel.getByRole("button", { name: "Name it" })).toBeVisible();
  await expect(ada.panel.getByRole("button", { name: "More of this time" })).toHaveCount(0);

  const { page, panel } = await studio.visitAsOwner({ nodeId });
  await panel.getByRole("link", { name: "History" }).click();
  await panel.getByRole("combobox", { name: "Compared with" }).selectOption("beginning");
  await panel.getByRole("button", { name: "More of this time" }).click();
  await page.getByRole("menuitem", { name: "Forget what was deleted…" }).click();
  const dialog = page.getByRole("dialog", { name: "Forget what was deleted?" });
  await expect(dialog).toContainText("edits 1 to ");
  await page.screenshot({ path: info.outputPath("forget.png") });
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Forget it for good" }).click();
  await expect(dialog).toHaveCount(0);
  expect(await textThen()).not.toContain("secret");
  await expect(ada.stateLine).toHaveText("Saved");
  await panel.getByRole("link", { name: "Content" }).click();
  await expect(panel.getByRole("textbox", { name: "Body" })).toHaveText("Start.");
});

test("a viewer sees the history, and has nothing to change it with", async ({ studio }) => {
  const nodeId = await studio.addNode("Looked at", "Start.");
  const vera = await studio.visit("Vera", { role: "viewer", nodeId });
  await openHistory(vera);
  await expect(vera.panel.getByRole("slider")).toBeVisible();
  await expect(vera.panel.getByRole("button", { name: "Restore" })).toHaveCount(0);
  await expect(vera.panel.getByRole("button", { name: "Name it" })).toHaveCount(0);
  await expect(vera.panel.getByRole("list", { name: "Versions" })).toContainText("Version 1");
  await expect(vera.panel.getByRole("button", { name: /^Back to version/ })).toHaveCount(0);
});
