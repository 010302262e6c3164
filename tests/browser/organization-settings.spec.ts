import { expect, type Locator } from "@playwright/test";
import { call, createProject, type Person, type Project } from "../rest";
import type { Server } from "../server";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

interface Organization {
  name: string;
  slug: string;
  eventSourcingLevel: string;
  settings: { agentPolicies: { requireApproval: boolean; tools: Record<string, string> } };
}

const read = (server: Server, person: Person, { orgId }: Project) =>
  call<Organization>(server, `/orgs/${orgId}`, { person });

/** Opens the settings of an organization that has nothing but a new project. */
async function openSettings({ page, person }: Visitor, server: Server, name: string): Promise<Project> {
  const project = await createProject(server, person, name);
  await page.goto(`${server.httpUrl}/o/${project.orgId}/settings`);
  await expect(page.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
  return project;
}

async function save(part: Locator): Promise<void> {
  await part.getByRole("button", { name: "Save" }).click();
  await expect(part.getByRole("status")).toHaveText("Saved.");
}

test("an organization gets another name and slug, keeps less of the past, and says what agents ask for", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await openSettings(ada, server, "Set up");
  const slug = `set-up-${project.orgId}`;

  const name = page.getByRole("region", { name: "Name", exact: true });
  await name.getByRole("textbox", { name: "Name" }).fill("Set up anew");
  await name.getByRole("textbox", { name: "Slug" }).fill("No slug");
  await name.getByRole("button", { name: "Save" }).click();
  await expect(name.getByRole("textbox", { name: "Slug" })).toHaveAttribute("aria-invalid", "true");
  await name.getByRole("textbox", { name: "Slug" }).fill(slug);
  await save(name);
  await expect(page).toHaveTitle("Settings · Set up anew · GlassBox");

  const past = page.getByRole("region", { name: "What is kept of the past" });
  await past.getByRole("radio", { name: "Who and when, and no old content" }).check();
  await past.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Keep less of the past?" });
  await expect(dialog).toContainText("does not come back");
  await page.screenshot({ path: info.outputPath("keep-less.png") });
  expect(await violations(page)).toEqual([]);
  expect((await read(server, person, project)).eventSourcingLevel).not.toBe("audit");
  await dialog.getByRole("button", { name: "Keep less" }).click();
  await expect(past.getByRole("status")).toHaveText("Saved.");

  const agents = page.getByRole("region", { name: "What agents may do" });
  await agents.getByRole("checkbox", { name: "Agents ask before they change anything" }).check();
  await agents.getByRole("combobox", { name: "Search the project" }).selectOption("deny");
  await save(agents);
  expect(await read(server, person, project)).toMatchObject({
    name: "Set up anew",
    slug,
    eventSourcingLevel: "audit",
    settings: { agentPolicies: { requireApproval: true, tools: { search: "deny" } } },
  });
  await page.screenshot({ path: info.outputPath("settings.png") });
});

test("an owner deletes an organization once its slug was typed", async ({ studio, server }, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await openSettings(ada, server, "Given up");
  const { slug } = await read(server, person, project);
  await page.getByRole("button", { name: "Delete Given up…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete Given up?" });
  const button = dialog.getByRole("button", { name: "Delete for good" });
  await dialog.getByRole("textbox").fill("something else");
  await expect(button).toBeDisabled();
  await dialog.getByRole("textbox").fill(slug);
  await page.screenshot({ path: info.outputPath("delete.png") });
  expect(await violations(page)).toEqual([]);
  await button.click();
  await expect(page.getByRole("heading", { name: "Projects", level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name: "Members and settings of Given up" })).toHaveCount(0);
  await expect(read(server, person, project)).rejects.toThrow(": 404 ");
});

test("who is no admin is told so where the settings are, and does not see the way there", async ({
  studio,
  server,
}) => {
  const vera = await studio.visit("Vera");
  await vera.page.goto(`${server.httpUrl}/o/${studio.project.orgId}/settings`);
  await expect(vera.page.getByRole("heading", { name: "For owners and admins" })).toBeVisible();
  await expect(vera.page.getByRole("link", { name: "Settings" })).toHaveCount(0);
});
