import { expect } from "@playwright/test";
import { call, enforceLocks } from "../rest";
import { violations } from "./axe";
import { test } from "./studio";

/** Events say so: it is looked who holds what every 15 seconds only. */
const TOLD = { timeout: 2_000 } as const;
/** Who was offline connects anew first. */
const BACK = { timeout: 20_000 } as const;

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

test("where locks are enforced others can only read, and what they wrote meanwhile is taken when it ends", async ({
  studio,
  server,
  owner,
}, info) => {
  await enforceLocks(server, studio.project, owner);
  try {
    const nodeId = await studio.addNode("Enforced", "Start.");
    const ada = await studio.visit("Ada", { nodeId });
    const ben = await studio.visit("Ben", { nodeId });
    const admin = await studio.visitAsOwner({ nodeId });
    await ben.context.setOffline(true);
    await expect(ben.stateLine).toHaveText("Offline");
    await ada.panel.getByRole("button", { name: /^Lock,/ }).click();
    await expect(ada.panel.getByText("others can only read it")).toBeVisible();
    // He cannot know.
    await ben.body.click();
    await ben.page.keyboard.press("Control+Home");
    await ben.page.keyboard.type("abc");
    await expect(ben.stateLine).toHaveText("Offline, 3 edits kept on this device");

    await ben.context.setOffline(false);
    await expect(ben.panel.getByText("Ada has locked this node")).toBeVisible(BACK);
    await expect(ben.panel.getByText("You can read it, and follow what happens.")).toBeVisible();
    await expect(ben.body).toHaveAttribute("contenteditable", "false");
    await expect(ben.stateLine).toHaveText("Saving is behind, your edits are safe here", BACK);
    await ada.enterBody();
    await ada.page.keyboard.type(" Written meanwhile.");
    await expect(ada.stateLine).toHaveText("Saved");
    await expect(ben.body).toContainText("Written meanwhile.");
    await expect(ada.body).not.toContainText("abc");
    await ben.page.screenshot({ path: info.outputPath("locked-out.png") });
    expect(await violations(ben.page)).toEqual([]);

    // Who administers the project may end it.
    await expect(ben.panel.getByRole("button", { name: "Take it away…" })).toHaveCount(0);
    await admin.panel.getByRole("button", { name: "Take it away…" }).click();
    const asking = admin.page.getByRole("dialog", { name: "Take the lock of Ada away?" });
    await admin.page.screenshot({ path: info.outputPath("take-away.png") });
    await asking.getByRole("button", { name: "Take it away" }).click();
    await expect(asking).toHaveCount(0);
    await expect(ada.panel.getByText("You have locked this node")).toHaveCount(0, TOLD);
    await expect(ben.body).toHaveAttribute("contenteditable", "true", TOLD);
    await expect(ben.stateLine).toHaveText("Saved");
    for (const { body } of [ada, ben])
      await expect(body).toContainText(/^abc.*Start\. .*Written meanwhile\./);
  } finally {
    await call(server, `/projects/${studio.project.id}`, {
      person: owner,
      method: "PATCH",
      body: { settings: { lockMode: "advisory" } },
    });
  }
});
