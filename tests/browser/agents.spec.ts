import { expect } from "@playwright/test";
import { answer, beginRun, restOn, runOf, stepsOf } from "./agents";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

/** The demo model speaks at the pace of a model. */
const SPEAKS = { timeout: 60_000 } as const;

/** Expects that so many nodes are on the canvas, of which only those in view are rendered. */
async function expectCards({ page }: Visitor, count: number): Promise<void> {
  await expect(async () => {
    await page.getByRole("button", { name: "Fit everything", exact: true }).click();
    await expect(page.locator(".react-flow__node")).toHaveCount(count, { timeout: 1_000 });
  }).toPass({ timeout: 15_000 });
}

test("an agent plans, makes nodes, asks, and writes beside people; its words lead to its steps, and can be taken back", async ({
  studio,
}, info) => {
  test.setTimeout(180_000);
  const shot = (visitor: Visitor, name: string) =>
    visitor.page.screenshot({ path: info.outputPath(`${name}.png`) });
  const nodeId = await studio.addNode("Announce the launch", "We launch on Monday.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await ben.page.getByRole("button", { name: "Fit everything", exact: true }).click();
  await ben.page.waitForTimeout(400);
  const before = await ben.page.locator(".react-flow__node").count();

  await beginRun(ada);
  await expect(stepsOf(ada)).toContainText("Made a plan", SPEAKS);
  await shot(ada, "plan");
  await expect(runOf(ben)).toBeVisible();
  await shot(ben, "beside");

  await expect(stepsOf(ada).getByText("Made a node", { exact: true })).toHaveCount(2, SPEAKS);
  await expectCards(ben, before + 2);

  await expect(runOf(ben)).toContainText("asks", SPEAKS);
  await expect(ben.card("Announce the launch")).toContainText("waiting for an answer");
  await expect(ben.page.getByRole("button", { name: "1 open question" })).toBeVisible();
  await shot(ben, "question");
  expect(await violations(ben.page)).toEqual([]);
  await ben.enterBody();
  await ben.page.keyboard.type(" Ben was here.");
  await answer(ada);

  // Ben writes on while the result comes.
  await expect(runOf(ben)).not.toContainText("asks");
  await ben.page.keyboard.type(" And still is.");
  const output = ben.panel.getByRole("list", { name: "Outputs" }).getByRole("textbox", { name: /^Text of/ });
  await expect(output).not.toBeEmpty(SPEAKS);
  // A run that waits for a person holds no connection; one that writes is here like anybody.
  await expect(ben.whoIsHere.getByRole("img", { name: /\(agent\)/ })).toBeVisible();
  await shot(ben, "writing");
  const run = ada.panel.getByRole("article", { name: /^Run of/ });
  await expect(run.getByText("Done", { exact: true }).first()).toBeVisible(SPEAKS);
  await expect(ben.body).toContainText("Ben was here. And still is.");
  await shot(ada, "done");
  expect(await violations(ada.page)).toEqual([]);

  // From the text to the step.
  await restOn(ben.page, output.locator("p").first());
  const evidence = ben.page.getByRole("dialog", { name: "Who wrote this" });
  await expect(evidence).toContainText("agent of Ada");
  await expect(evidence).toContainText("Cost");
  await shot(ben, "evidence");
  await evidence.getByRole("link", { name: /See the (step|run)/ }).click();
  await expect(ben.page).toHaveURL(/\/runs\/[0-9a-f-]{36}\?step=/);
  const step = stepsOf(ben).locator('[aria-current="step"]');
  await expect(step).toBeVisible();

  // From the step to the text.
  await step.getByRole("button", { name: "Show what it wrote" }).click();
  await expect(ben.panel.getByRole("status").filter({ hasText: "Marked is what" })).toBeVisible();
  await expect(ben.panel.locator(".evidence-shown").first()).toBeVisible();
  await shot(ben, "marked");

  // A person's words say whose they are, too; by the keyboard.
  await ben.enterBody();
  await ben.page.keyboard.press("Alt+Enter");
  await expect(evidence).toContainText("Ben");
  await ben.page.keyboard.press("Escape");
  await expect(evidence).toHaveCount(0);

  await run.getByRole("button", { name: "Undo this run" }).click();
  const asking = ada.page.getByRole("dialog", { name: /^Take back what/ });
  await asking.getByRole("button", { name: "Take it back" }).click();
  await expect(asking).toHaveCount(0);
  await expectCards(ben, before);
  await expect(ben.panel.locator(".evidence-shown")).toHaveCount(0);
  await expect(ben.body).toContainText("Ben was here. And still is.");
  await shot(ben, "undone");
});

test("a run is held, goes on, and is ended, from wherever its node is open", async ({ studio }, info) => {
  test.setTimeout(120_000);
  const nodeId = await studio.addNode("Held");
  const ada = await studio.visit("Ada", { nodeId });
  await beginRun(ada);
  const bar = runOf(ada);
  await bar.getByRole("button", { name: "Pause" }).click();
  await expect(bar).toContainText("Paused");
  await ada.page.screenshot({ path: info.outputPath("paused.png") });
  await bar.getByRole("button", { name: "Resume" }).click();
  await expect(bar).not.toContainText("Paused");
  await ada.panel.getByRole("link", { name: "Content" }).click();
  await bar.getByRole("button", { name: "Cancel" }).click();
  await expect(bar).toHaveCount(0);
  await ada.panel.getByRole("link", { name: "Runs" }).click();
  await expect(ada.panel.getByRole("list", { name: "Runs" })).toContainText("Cancelled");
});

test("it is said plainly that the demo model only plays one, and models are added with prices or without", async ({
  studio,
  server,
}, info) => {
  const { page } = await studio.visitAsOwner();
  await page.goto(`${server.httpUrl}/o/${studio.project.orgId}/models`);
  await expect(page.getByText("It plays a model")).toBeVisible();
  await page.getByRole("button", { name: "New model" }).click();
  const dialog = page.getByRole("dialog", { name: "New model" });
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("small");
  await dialog.getByRole("textbox", { name: "The provider's name for it" }).fill("small-1");
  await dialog.getByRole("spinbutton", { name: "$ per million read" }).fill("0.15");
  await dialog.getByRole("button", { name: "Add the model" }).click();
  await expect(dialog).toHaveCount(0);
  const models = page.getByRole("list", { name: "Models" });
  await expect(models).toContainText("$0.150 in, unknown out");
  await page.getByRole("button", { name: "Use small by default" }).click();
  await expect(page.getByRole("button", { name: "Use small by default" })).toHaveCount(0);
  await page.screenshot({ path: info.outputPath("models.png") });
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: /^Use .* by default$/ }).click();
  await page.getByRole("button", { name: "Actions for small" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(models).not.toContainText("small");
});
