import { expect, type Page } from "@playwright/test";
import { call } from "../rest";
import { test } from "./studio";

/** News are told, not asked for. */
const TOLD = { timeout: 2_000 } as const;

const bell = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

test("who is given a node or named in it sees so at once, wherever they are, until they have read it", async ({
  studio,
  server,
  owner,
}, info) => {
  const nodeId = await studio.addNode("Needs Nia");
  const nia = await studio.visit("Nia");
  const elsewhere = await nia.context.newPage();
  await elsewhere.goto(server.httpUrl);
  const windows = [nia.page, elsewhere];
  await call(server, "/users/me/notifications/read-all", { person: nia.person, method: "POST" });
  for (const window of windows) await expect(bell(window, "Notifications")).toBeVisible();

  const me = await studio.visitAsOwner({ nodeId });
  await me.panel.getByRole("combobox", { name: "Assignees" }).selectOption({ label: "Nia" });
  for (const window of windows) {
    await expect(bell(window, "Notifications, 1 new one")).toBeVisible(TOLD);
  }
  const body = `Ask [@Nia](user:${nia.person.id}).`;
  await call(server, `/nodes/${nodeId}`, { person: owner, method: "PATCH", body: { body } });
  await expect(bell(nia.page, "Notifications, 2 new ones")).toBeVisible(TOLD);

  await bell(nia.page, "Notifications, 2 new ones").click();
  const list = nia.page.getByRole("list", { name: "Notifications" });
  await expect(list.getByRole("listitem")).toHaveCount(2);
  await nia.page.screenshot({ path: info.outputPath("notifications.png") });
  await list.getByRole("button").first().click();
  await expect(nia.title).toHaveValue("Needs Nia");
  for (const window of windows) {
    await expect(bell(window, "Notifications, 1 new one")).toBeVisible(TOLD);
  }
  await bell(elsewhere, "Notifications, 1 new one").click();
  await elsewhere.getByRole("button", { name: "Mark all as read" }).click();
  for (const window of windows) await expect(bell(window, "Notifications")).toBeVisible(TOLD);
});

test("what happened while the connection was lost is seen once it is back", async ({ studio }) => {
  const nodeId = await studio.addNode("Given offline");
  const olu = await studio.visit("Olu");
  await olu.context.setOffline(true);
  await expect(olu.stateLine).toContainText("Offline");
  const me = await studio.visitAsOwner({ nodeId });
  await me.panel.getByRole("combobox", { name: "Assignees" }).selectOption({ label: "Olu" });
  await expect(me.stateLine).toHaveText("Saved");
  await olu.context.setOffline(false);
  await expect(bell(olu.page, "Notifications, 1 new one")).toBeVisible();
});
