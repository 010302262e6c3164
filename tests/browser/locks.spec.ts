import { expect } from "@playwright/test";
import { test } from "./studio";

/** Events say so: it is looked who holds what every 15 seconds only. */
const TOLD = { timeout: 2_000 } as const;

test("a lock is seen on the canvas and in the panel, until it is given back", async ({ studio }, info) => {
  const nodeId = await studio.addNode("Locked", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await ada.panel.getByRole("button", { name: /^Lock,/ }).click();
  await expect(ada.panel.getByText("You have locked this node")).toBeVisible();
  await expect(ben.panel.getByText("Ada has locked this node")).toBeVisible(TOLD);
  await expect(ben.card("Locked").getByRole("img", { name: "Locked by Ada" })).toBeVisible(TOLD);
  await ben.page.screenshot({ path: info.outputPath("locked.png") });

  // It asks, and does not force: Ben may write.
  await expect(ben.body).toHaveAttribute("contenteditable", "true");
  await ben.panel.getByRole("button", { name: "Tell me when it is free" }).click();
  await expect(ben.panel.getByRole("button", { name: "You will be told" })).toBeVisible();
  await ada.panel.getByRole("button", { name: "Unlock" }).click();
  await expect(ben.panel.getByText("Ada has locked this node")).toHaveCount(0, TOLD);
});
