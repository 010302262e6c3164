import { expect, type Page } from "@playwright/test";
import { answer, beginRun, restOn, runOf } from "./agents";
import { violations } from "./axe";
import { test } from "./provider";
import type { Visitor } from "./studio";

/** The demo model speaks at the pace of a model. */
const SPEAKS = { timeout: 60_000 } as const;
const SEA = "# Sea\n\nThe sea is warm.\n\nFish live there.\n\nIt is green.";
const COLD_SEA = "# Sea\n\nThe sea is cold.\n\nFish live there.\n\nIt is blue and deep.";

const cardsOf = ({ panel }: Visitor) => panel.getByRole("list", { name: "Proposals" }).getByRole("article");
const evidenceOn = (page: Page) => page.getByRole("dialog", { name: "Who wrote this" });

test("edits that an agent proposes change nothing until a person accepts them one by one, and then lead to the run", async ({
  studio,
  models,
  provider,
}, info) => {
  test.setTimeout(120_000);
  await models.add("proposer", provider.baseUrl);
  provider.answer(
    "Describe the sea",
    { name: "edit_body", arguments: { markdown: COLD_SEA } },
    "A *short* result.",
  );
  const nodeId = await studio.addNode("Describe the sea", SEA);
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });

  await beginRun(ada, { model: "proposer", proposes: true, plans: false });
  await expect(ada.panel.getByText("3 proposals: 3 to decide on.")).toBeVisible({ timeout: 30_000 });
  await expect(ada.panel.getByText("Proposed 2 edits")).toBeVisible();
  await ada.panel.getByRole("link", { name: "Decide on them" }).click();

  // Both see the same cards, in the order of the text; the text is as it was.
  for (const visitor of [ada, ben]) {
    await expect(cardsOf(visitor)).toHaveCount(3);
    await expect(cardsOf(visitor).nth(0)).toContainText("The sea is warm.cold.");
    await expect(cardsOf(visitor).nth(1)).toContainText("It is green.blue and deep.");
    await expect(cardsOf(visitor).nth(2)).toContainText("A short result.");
    await expect(visitor.body).toContainText("The sea is warm.");
  }
  await ada.page.screenshot({ path: info.outputPath("proposals.png") });
  expect(await violations(ada.page)).toEqual([]);

  await cardsOf(ada).nth(0).getByRole("button", { name: "Show the place" }).click();
  await expect(ada.body.getByText("The sea is warm.")).toBeInViewport();
  await cardsOf(ada).nth(0).getByRole("button", { name: "Accept" }).click();
  await expect(ben.body).toContainText("The sea is cold.");
  await expect(cardsOf(ben)).toHaveCount(2);
  await cardsOf(ben).nth(0).getByRole("button", { name: "Reject" }).click();
  await expect(cardsOf(ada)).toHaveCount(1);
  await expect(ada.panel.getByRole("list", { name: "Proposals" })).toBeFocused();
  await cardsOf(ada).getByRole("button", { name: "Accept" }).click();
  await expect(cardsOf(ben)).toHaveCount(0);
  await expect(ben.body).toContainText("It is green.");
  const output = ben.panel.getByRole("list", { name: "Outputs" }).getByRole("textbox", { name: /^Text of/ });
  await expect(output).toHaveText("A short result.");

  // What was accepted leads to the run; what was there before does not.
  await restOn(ben.page, output.locator("p"));
  await expect(evidenceOn(ben.page)).toContainText("Accepted by Ada");
  await ben.page.screenshot({ path: info.outputPath("accepted.png") });
  await ben.page.keyboard.press("Escape");
  await ben.body.getByText("Fish live there.").click();
  await ben.page.keyboard.press("Alt+Enter");
  await expect(evidenceOn(ben.page)).toContainText("Demo");
  await expect(evidenceOn(ben.page)).not.toContainText("Accepted");
  await ben.page.keyboard.press("Escape");
  await ben.body.getByText("The sea is cold.").click();
  await ben.page.keyboard.press("End");
  // The full stop is whose it was.
  for (let letter = 0; letter < 3; letter += 1) await ben.page.keyboard.press("ArrowLeft");
  await ben.page.keyboard.press("Alt+Enter");
  await expect(evidenceOn(ben.page)).toContainText("Accepted by Ada");
  await evidenceOn(ben.page).getByRole("link", { name: "See the run" }).click();
  await expect(ben.panel.getByText("3 proposals: 2 accepted, 1 rejected.")).toBeVisible();
  await ben.page.screenshot({ path: info.outputPath("run.png") });
});

test("what cannot be accepted any more says why, and keeps no other from being accepted", async ({
  studio,
  models,
  provider,
}) => {
  test.setTimeout(120_000);
  await models.add("proposer", provider.baseUrl);
  provider.answer("Too late", { name: "edit_body", arguments: { markdown: COLD_SEA } }, "A result.");
  const nodeId = await studio.addNode("Too late", SEA);
  const ada = await studio.visit("Ada", { nodeId });
  await beginRun(ada, { model: "proposer", proposes: true, plans: false });
  await ada.panel.getByRole("link", { name: "Decide on them" }).click(SPEAKS);
  await expect(cardsOf(ada)).toHaveCount(3);
  await ada.body.getByText("The sea is warm.").click();
  await ada.page.keyboard.press("End");
  await ada.page.keyboard.type(" Or not.");
  await expect(ada.stateLine).toHaveText("Saved");

  await ada.panel.getByRole("button", { name: "Accept all 3" }).click();
  await expect(ada.page.getByText("what it would replace has changed meanwhile")).toBeVisible();
  await expect(cardsOf(ada)).toHaveCount(1);
  await expect(ada.body).toContainText("The sea is warm. Or not.");
  await expect(ada.body).toContainText("It is blue and deep.");
  await cardsOf(ada).getByRole("button", { name: "Reject" }).click();
  await expect(cardsOf(ada)).toHaveCount(0);
});

test("the demo model proposes what it would write", async ({ studio }, info) => {
  test.setTimeout(120_000);
  const nodeId = await studio.addNode("Propose the launch");
  const ada = await studio.visit("Ada", { nodeId });
  await beginRun(ada, { proposes: true });
  await expect(runOf(ada)).toContainText("asks", SPEAKS);
  await answer(ada);
  const run = ada.panel.getByRole("article", { name: /^Run of/ });
  await expect(run.getByText("Done", { exact: true }).first()).toBeVisible(SPEAKS);
  await ada.page.screenshot({ path: info.outputPath("demo-run.png") });
  await ada.panel.getByRole("link", { name: "Decide on them" }).click();
  // Its result, and the data of its summary as it is written down.
  await expect(cardsOf(ada)).toHaveCount(2);
  await expect(cardsOf(ada).last()).toContainText('"model": "demo"');
  const result = cardsOf(ada).filter({ hasText: "Result: Propose the launch" });
  await ada.page.screenshot({ path: info.outputPath("demo-proposal.png") });
  await result.getByRole("button", { name: "Accept" }).click();
  const outputs = ada.panel.getByRole("list", { name: "Outputs" });
  await expect(outputs).toContainText("Result: Propose the launch");
});
