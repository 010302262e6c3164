import { expect } from "@playwright/test";
import { test } from "./studio";

test("the state line says Saved only when it is, and Saving until then", async ({ studio, server }, info) => {
  const nodeId = await studio.addNode("Saving");
  const ada = await studio.visit("Ada", { nodeId });
  const { page, stateLine } = ada;
  await ada.enterBody();
  server.pauseDatabase();
  try {
    await page.keyboard.type("x");
    await expect(stateLine).toHaveText("Saving 1…");
    await page.screenshot({ path: info.outputPath("saving.png") });
    await expect(stateLine).toHaveText("Saving is behind, your edits are safe here", { timeout: 30_000 });
    await page.screenshot({ path: info.outputPath("behind.png") });
  } finally {
    server.resumeDatabase();
  }
  await expect(stateLine).toHaveText("Saved");
});

test("edits made offline are counted and kept, and merged on return", async ({ studio }, info) => {
  const nodeId = await studio.addNode("Offline", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await ben.context.setOffline(true);
  await expect(ben.stateLine).toHaveText("Offline");

  await ada.enterBody();
  await ada.page.keyboard.type(" Written online.");
  await expect(ada.stateLine).toHaveText("Saved");
  await ben.body.click();
  await ben.page.keyboard.press("Control+Home");
  await ben.page.keyboard.type("abc");
  await expect(ben.stateLine).toHaveText("Offline, 3 edits kept on this device");
  await expect(ben.body).not.toContainText("Written online.");
  await expect(ada.body).not.toContainText("abc");
  await ben.page.screenshot({ path: info.outputPath("offline.png") });

  await ben.context.setOffline(false);
  await expect(ben.stateLine).toHaveText("Saved");
  for (const { body } of [ada, ben]) await expect(body).toContainText(/^abc.*Start\. .*Written online\./);
  await ben.page.screenshot({ path: info.outputPath("merged.png") });
});

test("a window survives a restart of the server, edits and all", async ({ studio, server }) => {
  const nodeId = await studio.addNode("Restarted", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  await ada.enterBody();
  await server.kill();
  await expect(ada.stateLine).toHaveText("Reconnecting");
  await ada.page.keyboard.type("!?");
  await expect(ada.stateLine).toHaveText("Reconnecting, 2 edits kept on this device");
  await server.start();
  await expect(ada.stateLine).toHaveText("Saved", { timeout: 20_000 });
  await expect(ben.body).toContainText("Start.!?", { timeout: 20_000 });
});
