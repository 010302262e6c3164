import { expect } from "@playwright/test";
import { violations } from "./axe";
import { test } from "./studio";

for (const colorScheme of ["light", "dark"] as const) {
  test(`no place breaks a rule of WCAG 2.2 AA that axe knows, in ${colorScheme}`, async ({
    studio,
    server,
  }, info) => {
    const nodeId = await studio.addNode(
      "Read by all",
      "# Heading\n\nText with **form** and a [link](https://example.com).\n\n- [ ] a task\n- [x] a done task\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    );
    const ada = await studio.visit("Ada");
    const { page } = ada;
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const look = async (name: string) => {
      await page.screenshot({ path: info.outputPath(`${name}.png`) });
      expect(await violations(page), name).toEqual([]);
    };

    await expect(ada.card("Market research")).toBeVisible();
    await look("canvas");
    await page.goto(`${server.httpUrl}/p/${studio.project.id}/n/${nodeId}`);
    await expect(ada.body).toContainText("a task");
    await expect(ada.stateLine).toHaveText("Saved");
    await look("node");
    await page.getByRole("button", { name: "Project members" }).click();
    await expect(page.getByRole("dialog", { name: "Project members" })).toBeVisible();
    await look("members");
    for (const view of ["tree", "graph"]) {
      await page.goto(`${server.httpUrl}/p/${studio.project.id}/${view}`);
      await expect(page.getByText("Market research")).toBeVisible();
      await expect(ada.stateLine).toHaveText("Saved");
      await look(view);
    }
    await page.goto(server.httpUrl);
    await expect(page.getByRole("link", { name: "Launch plan" })).toBeVisible();
    await look("projects");
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no page around projects breaks a rule of WCAG 2.2 AA that axe knows, in ${colorScheme}`, async ({
    studio,
    server,
  }, info) => {
    const { page } = await studio.visitAsOwner();
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const places = [
      ...["members", "settings", "files", "models", "keys", "webhooks", "audit", "trash"].map(
        (part) => `/o/${studio.project.orgId}/${part}`,
      ),
      "/me",
    ];
    for (const place of places) {
      await page.goto(server.httpUrl + place);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("main")).not.toContainText("could not be loaded");
      await expect(page.locator('[aria-label$="are being loaded"]')).toHaveCount(0);
      await page.screenshot({ path: info.outputPath(`${place.split("/").at(-1)}.png`) });
      expect(await violations(page), place).toEqual([]);
    }
  });
}

test("signing in breaks no rule of WCAG 2.2 AA that axe knows", async ({ page, server }, info) => {
  await page.goto(server.httpUrl);
  await expect(page.getByRole("heading", { name: "Sign in to GlassBox" })).toBeVisible();
  await page.screenshot({ path: info.outputPath("sign-in.png") });
  expect(await violations(page)).toEqual([]);
});
