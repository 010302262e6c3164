import { expect, type Page } from "@playwright/test";
import { call, createNode, createProject, type Project } from "../rest";
import type { Server } from "../server";
import { violations } from "./axe";
import { signatureOf, test } from "./receiver";
import type { Visitor } from "./studio";

/** Opens the webhooks of an organization that has nothing but a new project. */
async function openWebhooks({ page, person }: Visitor, server: Server): Promise<Project> {
  const project = await createProject(server, person, "Told");
  await page.goto(`${server.httpUrl}/o/${project.orgId}/webhooks`);
  await expect(page.getByRole("heading", { name: "No webhook yet" })).toBeVisible();
  return project;
}

/** Makes a webhook for new nodes, and returns its secret. */
async function makeWebhook(page: Page, url: string): Promise<string> {
  await page.getByRole("button", { name: "New webhook" }).click();
  await page.getByRole("textbox", { name: "Address" }).fill(url);
  await page.getByRole("textbox", { name: "What it is for" }).fill("The tracker");
  await page.getByRole("checkbox", { name: "Node created" }).check();
  await page.getByRole("button", { name: "Make the webhook" }).click();
  const shown = page.getByRole("dialog", { name: "Its signing secret" });
  const secret = await shown.getByRole("textbox").inputValue();
  await shown.getByRole("button", { name: "I have kept it" }).click();
  return secret;
}

async function choose(page: Page, url: string, action: string): Promise<void> {
  await page.getByRole("button", { name: `Actions for ${url}` }).click();
  await page.getByRole("menuitem", { name: action }).click();
}

test("a webhook is told what happens, signed; a message is sent again; deleted, it is told nothing more", async ({
  studio,
  server,
  receiver,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  const project = await openWebhooks(ada, server);
  const secret = await makeWebhook(page, receiver.url);
  expect(secret).toMatch(/^whsec_/);
  const webhooks = page.getByRole("list", { name: "Webhooks" });
  await expect(webhooks).toContainText("The tracker · Node created");

  await webhooks.getByRole("button", { name: "Deliveries" }).click();
  const deliveries = page.getByRole("list", { name: "Deliveries" });
  await createNode(server, project, ada.person, "News");
  await expect(deliveries).toContainText("Node created");
  await expect(deliveries).toContainText("Delivered");
  await expect(deliveries).toContainText("answered 204");
  const [first] = receiver.messages;
  expect(JSON.parse(first?.body ?? "")).toMatchObject({ type: "node_created" });
  expect(first?.signatures).toEqual([first && signatureOf(first, secret)]);

  await deliveries.getByRole("button", { name: "Send node created again" }).click();
  await expect.poll(() => receiver.messages.map(({ id }) => id)).toEqual([first?.id, first?.id]);
  await choose(page, receiver.url, "Send a test");
  await expect(deliveries.getByRole("listitem").first()).toContainText("Test");
  await expect(deliveries.getByText("Delivered")).toHaveCount(2);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: info.outputPath(`delivered-${colorScheme}.png`) });
    expect(await violations(page)).toEqual([]);
  }

  await choose(page, receiver.url, "Delete…");
  await page
    .getByRole("dialog", { name: "Delete this webhook?" })
    .getByRole("button", { name: "Delete" })
    .click();
  await expect(page.getByRole("heading", { name: "No webhook yet" })).toBeVisible();
  const told = receiver.messages.length;
  await createNode(server, project, ada.person, "Nobody is told");
  await page.waitForTimeout(1_000);
  expect(receiver.messages).toHaveLength(told);
});

test("a webhook that fails says so and when it is tried again, and may be paused or get another secret", async ({
  studio,
  server,
  receiver,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  await openWebhooks(ada, server);
  const secret = await makeWebhook(page, receiver.url);
  receiver.status = 500;
  await choose(page, receiver.url, "Send a test");
  const delivery = page.getByRole("list", { name: "Deliveries" }).getByRole("listitem");
  await expect(delivery).toContainText(/On its way.*Test.*answered 500, tried again in/);
  await expect(page.getByText("Failing for 1 min")).toBeVisible({ timeout: 15_000 });
  await page.screenshot({ path: info.outputPath("failing.png") });

  await choose(page, receiver.url, "New secret");
  const shown = page.getByRole("dialog", { name: "Its signing secret" });
  const other = await shown.getByRole("textbox").inputValue();
  expect(other).not.toBe(secret);
  await shown.getByRole("button", { name: "I have kept it" }).click();
  receiver.status = 204;
  await delivery.first().getByRole("button", { name: "Send test again" }).click();
  await expect(delivery.filter({ hasText: "Delivered" }).first()).toBeVisible();
  const last = receiver.messages.at(-1);
  expect(last?.signatures).toEqual([other, secret].map((each) => last && signatureOf(last, each)));

  await choose(page, receiver.url, "Pause");
  await expect(page.getByRole("list", { name: "Webhooks" })).toContainText("Paused");
  await choose(page, receiver.url, "Go on");
  await expect(page.getByRole("list", { name: "Webhooks" })).not.toContainText("Paused");
});

test("what a webhook is told, and where, is changed after it was made", async ({
  studio,
  server,
  receiver,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  const project = await openWebhooks(ada, server);
  await makeWebhook(page, `${receiver.url}/old`);
  const webhooks = page.getByRole("list", { name: "Webhooks" });
  await choose(page, `${receiver.url}/old`, "Edit…");
  const dialog = page.getByRole("dialog", { name: "Edit the webhook" });
  const address = dialog.getByRole("textbox", { name: "Address" });
  await expect(address).toHaveValue(`${receiver.url}/old`);
  await expect(dialog.getByRole("checkbox", { name: "Node created" })).toBeChecked();

  await address.fill("ftp://example.com/hook");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(address).toHaveAttribute("aria-invalid", "true");
  await expect(address).toHaveAccessibleDescription(/^Must /);
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath("refused.png") });

  await address.fill(receiver.url);
  await dialog.getByRole("textbox", { name: "What it is for" }).fill("The board");
  await dialog.getByRole("checkbox", { name: "Node created" }).uncheck();
  await dialog.getByRole("checkbox", { name: "Project created" }).check();
  await address.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(webhooks).toContainText("The board · Project created");
  await expect(webhooks).toContainText(receiver.url);
  await expect(webhooks).not.toContainText("/old");

  await createNode(server, project, ada.person, "It is not told of this any more");
  await call(server, `/orgs/${project.orgId}/projects`, { person: ada.person, body: { name: "Another" } });
  await expect
    .poll(() => receiver.messages.map(({ body }) => JSON.parse(body).type))
    .toEqual(["project_created"]);
});

test("an address that is none is refused in words, and the next attempt begins afresh", async ({
  studio,
  server,
}) => {
  const ada = await studio.visit("Ada");
  const { page } = ada;
  await openWebhooks(ada, server);
  await page.getByRole("button", { name: "New webhook" }).click();
  const dialog = page.getByRole("dialog", { name: "New webhook" });
  await dialog.getByRole("textbox", { name: "Address" }).fill("ftp://example.com/hook");
  await dialog.getByRole("button", { name: "Make the webhook" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "New webhook" }).click();
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await expect(dialog.getByRole("textbox", { name: "Address" })).toHaveValue("");
});
