import { expect, type Locator } from "@playwright/test";
import { call, createNode } from "../rest";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

async function openHistory({ page }: Visitor): Promise<Locator> {
  await page.getByRole("button", { name: "Project history" }).click();
  await expect(page).toHaveURL(/\/p\/[0-9a-f-]{36}\/history$/);
  const history = page.getByRole("region", { name: "Project history" });
  await expect(history.getByRole("list", { name: "Work" })).toBeVisible();
  return history;
}

async function nameVersion({ page }: Visitor, history: Locator, name: string): Promise<void> {
  await history.getByRole("button", { name: "Name it" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Name it" }).click();
  await expect(history.getByRole("button", { name: `${name} Version` })).toBeVisible();
}

test("a project's history shows which nodes came, went and changed, and by whom, and brings the canvas back", async ({
  studio,
  server,
}, info) => {
  const plan = await studio.addNode("Plan of old");
  await studio.addNode("Doomed");
  const ada = await studio.visit("Ada");
  const ben = await studio.visit("Ben");
  const history = await openHistory(ada);
  await nameVersion(ada, history, "Before Ben");

  await ben.card("Doomed").click();
  await ben.page.keyboard.press("Delete");
  await ben.card("Plan of old").dblclick();
  await ben.title.fill("Plan of today");
  await ben.panel.getByRole("combobox", { name: "Status" }).selectOption("complete");
  await expect(ben.stateLine).toHaveText("Saved");
  const fresh = await createNode(server, studio.project, ada.person, "Fresh");
  await call(server, `/projects/${studio.project.id}/dependencies`, {
    person: ada.person,
    body: { sourceNodeId: plan, targetNodeId: fresh },
  });

  await history.getByRole("combobox", { name: "Compared with" }).selectOption("version");
  const nodes = history.getByRole("region", { name: "Nodes" });
  const node = (title: string) => nodes.getByRole("listitem").filter({ hasText: title }).first();
  await expect(node("Fresh")).toHaveText(/^AddedFresh.*Ada$/);
  await expect(node("Doomed")).toHaveText(/^DeletedDoomed.*Ben$/);
  await expect(node("Plan of today")).toContainText(/^ChangedPlan of today/);
  await expect(node("Plan of today")).toContainText(/StatusDraftComplete.*Ben/);
  await expect(node("Plan of today")).toContainText(/TitlePlan of oldPlan of today.*Ben/);
  await expect(history.getByRole("region", { name: "Edges" })).toContainText(
    /AddedPlan of today → Fresh.*Ada/,
  );
  for (const colorScheme of ["light", "dark"] as const) {
    await ada.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    expect(await violations(ada.page)).toEqual([]);
    await ada.page.screenshot({ path: info.outputPath(`changes-${colorScheme}.png`) });
  }

  await history.getByRole("button", { name: "Before Ben Version" }).click();
  const was = history.getByRole("region", { name: "What it was" });
  await was.getByRole("button", { name: "As it was" }).click();
  await expect(was.getByRole("img", { name: /^The canvas with \d+ nodes/ })).toBeVisible();
  await expect(was).toContainText("Doomed");
  await expect(was).toContainText("Plan of old");
  await ada.page.screenshot({ path: info.outputPath("as-it-was.png") });

  await history.getByRole("button", { name: "Restore" }).click();
  await ada.page.screenshot({ path: info.outputPath("confirm.png") });
  await ada.page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
  await expect(ben.card("Doomed")).toBeVisible();
  await expect(ben.card("Plan of old")).toBeVisible();
  await expect(ben.card("Fresh")).toHaveCount(0);
  await expect(ben.title).toHaveValue("Plan of old");
});

test("a viewer sees a project's history, follows it live to a node's own, and has nothing to change it with", async ({
  studio,
}) => {
  const vera = await studio.visit("Vera", { role: "viewer" });
  const history = await openHistory(vera);
  await expect(history.getByRole("slider")).toBeVisible();
  await expect(history.getByRole("button", { name: "Restore" })).toHaveCount(0);
  await expect(history.getByRole("button", { name: "Name it" })).toHaveCount(0);
  await vera.page.keyboard.press("Escape");
  await expect(history).toHaveCount(0);

  await openHistory(vera);
  const nodeId = await studio.addNode("Followed");
  await history.getByRole("button", { name: "Followed" }).click();
  await expect(vera.page).toHaveURL(new RegExp(`/n/${nodeId}/history$`));
  await expect(vera.panel).toBeVisible();
});
