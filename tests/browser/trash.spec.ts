import { expect } from "@playwright/test";
import { call, createProject } from "../rest";
import { test } from "./studio";

test("a deleted node comes back from the trash with what was written in it, for everybody", async ({
  studio,
}, info) => {
  const nodeId = await studio.addNode("Thrown away", "Kept words.");
  const ada = await studio.visit("Ada");
  const ben = await studio.visit("Ben");
  await ada.card("Thrown away").click();
  await ada.page.keyboard.press("Delete");
  await expect(ben.card("Thrown away")).toHaveCount(0);

  await ben.page.getByRole("button", { name: "Trash" }).click();
  const trash = ben.page.getByRole("dialog", { name: "Trash" });
  await expect(trash.getByRole("list", { name: "Deleted nodes" })).toContainText("Thrown away");
  await ben.page.screenshot({ path: info.outputPath("trash.png") });
  await trash.getByRole("button", { name: "Restore Thrown away" }).click();
  await expect(ada.card("Thrown away")).toBeVisible();
  await ada.page.goto(`${ada.page.url()}/n/${nodeId}`);
  await expect(ada.body).toContainText("Kept words.");
});

test("a deleted project is closed for everybody, and comes back from the organization's trash", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  const project = await createProject(server, ada.person, "Short-lived");
  await call(server, `/projects/${project.id}/nodes`, { person: ada.person, body: { title: "Survivor" } });
  await page.goto(`${server.httpUrl}/p/${project.id}`);
  await expect(ada.card("Survivor")).toBeVisible();
  await page.getByRole("button", { name: "Project settings" }).click();
  await page.getByRole("button", { name: "Move the project to the trash…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Move to the trash" }).click();
  await expect(page.getByRole("heading", { name: "Projects" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Short-lived", exact: true })).toHaveCount(0);

  await page.goto(`${server.httpUrl}/o/${project.orgId}/trash`);
  await page.screenshot({ path: info.outputPath("trash.png") });
  await page.getByRole("button", { name: "Restore Short-lived" }).click();
  await expect(page.getByRole("heading", { name: "The trash is empty" })).toBeVisible();
  await page.goto(`${server.httpUrl}/p/${project.id}`);
  await expect(ada.card("Survivor")).toBeVisible();
});

test("a project is renamed and gets other states, and everybody sees it at once", async ({
  studio,
  server,
}) => {
  const ada = await studio.visit("Ada");
  const project = await createProject(server, ada.person, "To be renamed");
  await ada.page.goto(`${server.httpUrl}/p/${project.id}`);
  await expect(ada.page.getByRole("heading", { name: "To be renamed" })).toBeVisible();
  await ada.page.getByRole("button", { name: "Project settings" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Project settings" });
  await dialog.getByRole("textbox", { name: "Name" }).fill("Renamed");
  await dialog.getByRole("textbox", { name: "States of nodes" }).fill("idea, doing, done");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(ada.page.getByRole("heading", { name: "Renamed" })).toBeVisible();
  await ada.page.keyboard.press("n");
  await ada.page.keyboard.type("First");
  await ada.page.keyboard.press("Enter");
  await expect(ada.card("First")).toContainText("Idea");
});
