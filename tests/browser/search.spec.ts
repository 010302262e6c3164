import { expect, type Locator } from "@playwright/test";
import { call, createNode, createProject, type Person } from "../rest";
import type { Server } from "../server";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

/** What is written is found a little later: an indexer reads it. */
const FOUND = { timeout: 30_000 } as const;

interface Field {
  field: Locator;
  dialog: Locator;
  status: Locator;
}

/** Opens the palette by its keys. */
async function openPalette({ page }: Visitor): Promise<Field> {
  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "Find a node, a file or an action" });
  const field = dialog.getByRole("combobox");
  await expect(field).toBeFocused();
  return { dialog, field, status: dialog.getByRole("status") };
}

/** Waits until a word leads to something on the server. */
async function untilFound(server: Server, orgId: string, person: Person, query: string): Promise<void> {
  const search = () =>
    call<{ items: unknown[] }>(server, `/orgs/${orgId}/search`, { person, body: { query } });
  await expect
    .poll(async () => (await search()).items.length, { ...FOUND, intervals: [1_000, 2_000, 4_000] })
    .toBeGreaterThan(0);
}

test("what is written in a node is found while one types, and opened by keys", async ({
  studio,
  server,
  owner,
}, info) => {
  const nodeId = await studio.addNode("Airships", "The first dirigible rose above Lake Constance.");
  await untilFound(server, studio.project.orgId, owner, "dirigible");
  const ada = await studio.visit("Ada");
  const { page } = ada;
  const { dialog, field, status } = await openPalette(ada);
  await field.pressSequentially("dirigible", { delay: 20 });
  const texts = dialog.getByRole("group", { name: "In texts and files" });
  await expect(texts.getByRole("option")).toHaveCount(1);
  await expect(texts).toContainText("Airships");
  await expect(texts).toContainText("dirigible rose above");
  await expect(status).toHaveText("1 found in texts and files.");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: info.outputPath(`found-${colorScheme}.png`) });
    expect(await violations(page)).toEqual([]);
  }
  await expect(texts.getByRole("option")).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/n/${nodeId}$`));
  await expect(ada.title).toHaveValue("Airships");
});

test("titles and actions are found at once, also when the server is not reached", async ({ studio }) => {
  await studio.addNode("Found by its title");
  const ada = await studio.visit("Ada");
  await expect(ada.card("Found by its title")).toBeVisible();
  await ada.page.route("**/api/v1/orgs/*/search", (route) => route.abort("connectionfailed"));
  const { dialog, field, status } = await openPalette(ada);
  await field.fill("found by its");
  await expect(dialog.getByRole("group", { name: "Actions and titles" }).getByRole("option")).toHaveCount(1);
  await expect(status).toContainText("Searching in texts and files failed. The server cannot be reached.");
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.keyboard.press("Enter");
  await expect(ada.title).toHaveValue("Found by its title");
});

test("who searches too often is told how long to wait", async ({ studio }) => {
  const ada = await studio.visit("Ada");
  await ada.page.route("**/api/v1/orgs/*/search", (route) =>
    route.fulfill({
      status: 429,
      headers: { "Retry-After": "9", "Content-Type": "application/problem+json" },
      body: JSON.stringify({ title: "Too many requests", status: 429, code: "RATE_LIMITED" }),
    }),
  );
  const { field, status, dialog } = await openPalette(ada);
  await field.fill("often");
  await expect(status).toContainText("The server was asked too often. Go on in 9 seconds.");
  await ada.page.unroute("**/api/v1/orgs/*/search");
  await dialog.getByRole("button", { name: "Try again" }).click();
  await expect(field).toBeFocused();
  await expect(status).not.toContainText("The server was asked too often.");
});

test("a node of another project of the organization is opened there", async ({ studio, server }) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const here = await createProject(server, person, "Here");
  const there = await call<{ id: string; orgId: string }>(server, `/orgs/${here.orgId}/projects`, {
    person,
    body: { name: "There" },
  });
  const { id } = await call<{ id: string }>(server, `/projects/${there.id}/nodes`, {
    person,
    body: { title: "Far away", description: "A word that is nowhere else: quokka." },
  });
  await createNode(server, here, person, "Near");
  await untilFound(server, here.orgId, person, "quokka");
  await page.goto(`${server.httpUrl}/p/${here.id}`);
  await expect(ada.card("Near")).toBeVisible();
  const { dialog, field } = await openPalette(ada);
  await field.fill("quokka");
  const option = dialog.getByRole("option", { name: /Far away/ });
  await expect(option).toContainText("There");
  await option.click();
  await expect(page).toHaveURL(`${server.httpUrl}/p/${there.id}/n/${id}`);
  await expect(ada.title).toHaveValue("Far away");
});

test("a file is found by its text, shown by itself, and downloaded", async ({ studio, server }, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await createProject(server, person, "Papers");
  const nodeId = await createNode(server, project, person, "Paper");
  await page.goto(`${server.httpUrl}/p/${project.id}/n/${nodeId}`);
  await expect(ada.stateLine).toHaveText("Saved");
  const asked = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Add files to the inputs" }).click();
  const buffer = Buffer.from("A treatise on the platypus.");
  await (await asked).setFiles([{ name: "treatise.txt", mimeType: "text/plain", buffer }]);
  const card = ada.panel.getByRole("article", { name: "treatise.txt" });
  await expect(card.getByRole("status")).toHaveText("Read", FOUND);
  await untilFound(server, project.orgId, person, "platypus");
  await page.getByRole("button", { name: "Close node" }).click();

  const { dialog, field } = await openPalette(ada);
  await field.fill("platypus");
  const option = dialog.getByRole("option", { name: /treatise\.txt/ });
  await expect(option).toContainText("treatise on the platypus");
  await page.keyboard.press("Enter");
  const details = page.getByRole("dialog", { name: "treatise.txt" });
  await expect(details).toContainText("Text · 27 bytes");
  await page.screenshot({ path: info.outputPath("file.png") });
  expect(await violations(page)).toEqual([]);
  const downloading = page.waitForEvent("download");
  await details.getByRole("button", { name: "Download treatise.txt" }).click();
  expect((await downloading).suggestedFilename()).toBe("treatise.txt");
});

test("one searches for what is nearest without leaving the field", async ({ studio, server }, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await createProject(server, person, "Meanings");
  const query = "flying machines lighter than air";
  await call(server, `/projects/${project.id}/nodes`, {
    person,
    body: { title: "Balloons", description: "Machines that are lighter than the air around them rise." },
  });
  const search = () =>
    call<{ items: { title: string }[] }>(server, `/orgs/${project.orgId}/search/semantic`, {
      person,
      body: { query },
    });
  await expect
    .poll(async () => (await search()).items[0]?.title, { ...FOUND, intervals: [2_000, 4_000, 8_000] })
    .toBe("Balloons");

  await page.goto(`${server.httpUrl}/p/${project.id}`);
  await expect(ada.card("Balloons")).toBeVisible();
  const { dialog, field, status } = await openPalette(ada);
  await field.fill(query);
  const nearest = dialog.getByRole("group", { name: "Nearest" });
  await nearest.getByRole("option", { name: /Search for what is nearest/ }).click();
  await expect(field).toBeFocused();
  await expect(nearest).toContainText("lighter than the air around them");
  await expect(status).toContainText(/nearest (one is|are) listed\./);
  await page.screenshot({ path: info.outputPath("nearest.png") });
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(ada.title).toHaveValue("Balloons");
});

test("what one may not open is not found", async ({ studio, server, owner }) => {
  const { orgId } = studio.project;
  const secret = await call<{ id: string }>(server, `/orgs/${orgId}/projects`, {
    person: owner,
    body: { name: "Elsewhere" },
  });
  await call(server, `/projects/${secret.id}/nodes`, {
    person: owner,
    body: { title: "Hidden", description: "The axolotl is a secret." },
  });
  await untilFound(server, orgId, owner, "axolotl");
  const gina = await studio.visit("Gina", { role: "viewer" });
  // Whoever signs in is a member of the demo's organization, who sees all of its projects; a guest does not.
  await call(server, `/orgs/${orgId}/members/${gina.person.id}`, {
    person: owner,
    method: "PATCH",
    body: { role: "guest" },
  });
  const { field, status } = await openPalette(gina);
  await field.fill("axolotl");
  await expect(status).toHaveText("Nothing found in texts and files.");
});
