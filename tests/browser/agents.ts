import { expect, type Locator, type Page } from "@playwright/test";
import type { Visitor } from "./studio";

/** What is on top of the panel while a run is open: what it is at, and what it asks. */
export const runOf = ({ panel }: Visitor) => panel.getByRole("region", { name: "Run", exact: true });

export const stepsOf = ({ panel }: Visitor) => panel.getByRole("list", { name: "Steps" });

interface RunOptions {
  readonly instructions?: string;
  readonly model?: string;
  readonly tokens?: number;
  readonly proposes?: boolean;
  readonly plans?: boolean;
}

/** Begins a run on the open node, as a person does. */
export async function beginRun({ page, panel }: Visitor, options: RunOptions = {}): Promise<void> {
  const { instructions = "Be brief.", model, tokens, proposes = false, plans = true } = options;
  await panel.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Run an agent" });
  await dialog.getByRole("textbox", { name: "Instructions" }).fill(instructions);
  if (proposes) await dialog.getByRole("button", { name: "Proposes" }).click();
  if (model || tokens || !plans) await dialog.getByText("More options").click();
  if (model) await dialog.getByRole("combobox", { name: "Model" }).selectOption(model);
  if (tokens) await dialog.getByRole("spinbutton", { name: "Tokens at most" }).fill(String(tokens));
  if (!plans) await dialog.getByRole("checkbox", { name: "Make a plan first" }).uncheck();
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
}

/** Answers what a run asks: with its first option, else in words. */
export async function answer(visitor: Visitor): Promise<void> {
  const options = runOf(visitor).getByRole("group", { name: "Answers" }).getByRole("button");
  if ((await options.count()) > 0) return options.first().click();
  await runOf(visitor).getByRole("textbox").fill("Plain, please.");
  await runOf(visitor).getByRole("button", { name: "Answer" }).click();
}

/** Lets the pointer rest on the first words of a text. */
export async function restOn(page: Page, text: Locator): Promise<void> {
  await text.scrollIntoViewIfNeeded();
  const box = await text.boundingBox();
  if (!box) throw new Error("the text is not shown");
  await page.mouse.move(box.x + 40, box.y + 14, { steps: 4 });
}
