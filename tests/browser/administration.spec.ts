import { expect } from "@playwright/test";
import { call, createProject } from "../rest";
import { test } from "./studio";

test("a key is shown once, opens the API, and opens nothing once it is revoked", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const project = await createProject(server, ada.person, "Keys");
  const { page } = ada;
  await page.goto(`${server.httpUrl}/o/${project.orgId}/keys`);
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Nightly import");
  await page.getByRole("button", { name: "Make the key" }).click();
  const shown = page.getByRole("dialog", { name: "Your new key" });
  const key = await shown.getByRole("textbox").inputValue();
  expect(key).toMatch(/^sk-/);
  await page.screenshot({ path: info.outputPath("key.png") });
  await shown.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByText(key)).toHaveCount(0);

  const program = { ...ada.person, token: key };
  await call(server, `/projects/${project.id}`, { person: program });
  await page.getByRole("button", { name: "Revoke Nightly import" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("list", { name: "API keys" })).toContainText("Revoked");
  await expect(call(server, `/projects/${project.id}`, { person: program })).rejects.toThrow(": 401 ");
  await page.screenshot({ path: info.outputPath("revoked.png") });
});

test("the audit log says who did what, and is filtered", async ({ studio, server }, info) => {
  const ada = await studio.visit("Ada");
  const project = await createProject(server, ada.person, "Audited");
  const { page } = ada;
  await page.goto(`${server.httpUrl}/o/${project.orgId}/audit`);
  const log = page.getByRole("list", { name: "Audit log" });
  await expect(log.getByRole("listitem").filter({ hasText: "began a project" })).toHaveCount(1);
  await expect(log.getByRole("listitem").filter({ hasText: "founded the organization" })).toHaveCount(1);
  await log.getByRole("listitem").first().locator("summary").click();
  await expect(log).toContainText("127.0.0.1");
  await page.screenshot({ path: info.outputPath("audit.png") });
  await page.getByRole("combobox", { name: "What" }).selectOption("project.created");
  await expect(log.getByRole("listitem")).toHaveCount(1);
  await page.getByRole("combobox", { name: "What" }).selectOption("api_key.revoked");
  await expect(page.getByText("Nothing that you look for was done.")).toBeVisible();
});
