import { expect } from "@playwright/test";
import { beginRun, runOf, stepsOf } from "./agents";
import { violations } from "./axe";
import { test } from "./provider";

/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9/v1";
/** The server asks a model that does not answer a few times. */
const GIVES_UP = { timeout: 30_000 } as const;

for (const colorScheme of ["light", "dark"] as const) {
  test(`a run whose model is not reached says so, what is safe and what to do, in ${colorScheme}`, async ({
    studio,
    models,
  }, info) => {
    await models.add("nowhere", NOWHERE);
    const nodeId = await studio.addNode("Reach nobody");
    const ada = await studio.visit("Ada", { nodeId });
    const ben = await studio.visit("Ben", { nodeId });
    for (const { page } of [ada, ben]) await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });

    await beginRun(ada, { instructions: "Be brief.", model: "nowhere" });
    const failure = ada.panel.getByRole("alert");
    await expect(failure).toContainText("The model gave no answer", GIVES_UP);
    await expect(failure).toContainText("The provider could not be reached");
    await expect(failure).toContainText("It had not written anything yet. Try again in a while.");
    await expect(failure.getByRole("link", { name: "See the models" })).toBeVisible();
    await expect(stepsOf(ada)).toContainText("The model gave no answer; it tries again");
    await expect(ada.panel.getByRole("button", { name: "Undo this run" })).toHaveCount(0);
    await ada.page.screenshot({ path: info.outputPath("failed.png") });
    expect(await violations(ada.page)).toEqual([]);

    // Who looked at the text meanwhile hears of it there.
    const word = ben.panel.getByRole("region", { name: "Failed run" });
    await expect(word).toContainText("Agent failed. The model gave no answer.");
    await ben.page.screenshot({ path: info.outputPath("failed-beside.png") });
    expect(await violations(ben.page)).toEqual([]);
    await word.getByRole("link", { name: "See what to do" }).click();
    await expect(ben.panel.getByRole("alert")).toBeVisible();
    await expect(word).toHaveCount(0);

    await failure.getByRole("button", { name: "Run anew…" }).click();
    const dialog = ada.page.getByRole("dialog", { name: "Run an agent" });
    await expect(dialog.getByRole("textbox", { name: "Instructions" })).toHaveValue("Be brief.");
    await expect(dialog.getByRole("combobox", { name: "Model" })).toHaveValue("nowhere");
    await ada.page.keyboard.press("Escape");
    await ada.panel.getByRole("button", { name: "Try again" }).click();
    await expect(failure).toHaveCount(0);
    // It was tried, and is as wrong as before.
    await expect(failure).toBeVisible(GIVES_UP);
  });
}

test("a run that has used up its budget is not tried again, but run anew with more tokens", async ({
  studio,
}, info) => {
  const nodeId = await studio.addNode("Spend", "A long task. ".repeat(40));
  const ada = await studio.visit("Ada", { nodeId });
  await beginRun(ada, { tokens: 1_500 });
  const failure = ada.panel.getByRole("alert");
  await expect(failure).toContainText("Its budget is used up", GIVES_UP);
  await expect(failure).toContainText("of 1500 tokens are used");
  await expect(ada.panel.getByRole("button", { name: "Try again" })).toHaveCount(0);
  await ada.page.screenshot({ path: info.outputPath("budget.png") });
  expect(await violations(ada.page)).toEqual([]);
  await ada.panel.getByRole("link", { name: "All runs of this node" }).click();
  await expect(ada.panel.getByRole("list", { name: "Runs" })).toContainText("Its budget is used up");
  await ada.page.screenshot({ path: info.outputPath("runs.png") });
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.goBack();
  await failure.getByRole("button", { name: "Run with more tokens…" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Run an agent" });
  await expect(dialog.getByRole("spinbutton", { name: "Tokens at most" })).toHaveValue("3000");
  await ada.page.screenshot({ path: info.outputPath("more-tokens.png") });
  expect(await violations(ada.page)).toEqual([]);
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await expect(failure).toHaveCount(0);
  await ada.panel.getByRole("link", { name: "All runs of this node" }).click();
  await expect(ada.panel.getByRole("list", { name: "Runs" }).getByRole("listitem")).toHaveCount(2);
});

test("a question says until when it waits and what counts then, and is answered in a narrow window, too", async ({
  studio,
  models,
  provider,
}, info) => {
  await models.add("asker", provider.baseUrl);
  const question = {
    question: "Which tone?",
    options: ["Plain", "Warm"],
    context: "It is for new customers.",
    timeout_minutes: 5,
    default: "Plain",
  };
  provider.answer("Set the tone", { name: "request_human_input", arguments: question }, "In that tone.");
  const nodeId = await studio.addNode("Set the tone");
  const ada = await studio.visit("Ada", { nodeId });
  await beginRun(ada, { model: "asker", plans: false });
  await expect(runOf(ada)).toContainText("Which tone?", GIVES_UP);
  await expect(runOf(ada)).toContainText(/In 4 min \d+ s it goes on without an answer, with “Plain”\./);
  await ada.page.screenshot({ path: info.outputPath("question.png") });
  await ada.page.setViewportSize({ width: 390, height: 844 });
  await expect(ada.panel.getByRole("button", { name: "Close node" })).toBeInViewport({ ratio: 1 });
  await ada.page.screenshot({ path: info.outputPath("question-narrow.png") });
  expect(await violations(ada.page)).toEqual([]);
  await runOf(ada).getByRole("button", { name: "Warm" }).click();
  await expect(stepsOf(ada)).toContainText("Was answeredWarm", GIVES_UP);
  const run = ada.panel.getByRole("article", { name: /^Run of/ });
  await expect(run.getByText("Done", { exact: true }).first()).toBeVisible(GIVES_UP);
});
