import { expect } from "@playwright/test";
import { call, createProject } from "../rest";
import { violations } from "./axe";
import { test } from "./studio";

test("a template's nodes come onto the canvas together, with what was asked for", async ({
  studio,
  server,
  owner,
}, info) => {
  await call(server, `/orgs/${studio.project.orgId}/templates`, {
    person: owner,
    body: {
      name: "Question and answer",
      description: "A question that somebody answers.",
      structure: {
        parameters: [{ name: "topic", label: "What is it about?" }],
        nodes: [
          { key: "question", title: "What of {{topic}}?", x: 0, y: 0 },
          { key: "answer", title: "Answer on {{topic}}", x: 320, y: 0 },
        ],
        dependencies: [{ source: "question", target: "answer" }],
      },
    },
  });
  const ada = await studio.visit("Ada");
  const ben = await studio.visit("Ben");
  await ada.page.getByRole("button", { name: "New from a template" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "New from a template" });
  await dialog.getByRole("button", { name: /Question and answer/ }).click();
  await dialog.getByRole("textbox", { name: "What is it about?" }).fill("bicycles");
  await ada.page.screenshot({ path: info.outputPath("asked.png") });
  await dialog.getByRole("button", { name: "Add the nodes" }).click();
  for (const visitor of [ada, ben]) {
    await expect(visitor.card("What of bicycles?")).toBeVisible();
    await expect(visitor.card("Answer on bicycles")).toBeVisible();
    await expect(visitor.page.getByLabel("Edge from What of bicycles? to Answer on bicycles")).toBeAttached();
  }
  await ada.page.screenshot({ path: info.outputPath("applied.png") });
});

test("a template is made of selected nodes, and makes others like them", async ({ studio, server }, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await createProject(server, person, "Crossroads");
  const place = async (title: string, x: number) => {
    const body = { title, position: { x, y: 0 } };
    return (await call<{ id: string }>(server, `/projects/${project.id}/nodes`, { person, body })).id;
  };
  const sourceNodeId = await place("Which way?", 0);
  const targetNodeId = await place("This way", 320);
  await call(server, `/projects/${project.id}/dependencies`, {
    person,
    body: { sourceNodeId, targetNodeId },
  });
  await page.goto(`${server.httpUrl}/p/${project.id}`);
  await ada.card("Which way?").click();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("template");
  await expect(page.getByRole("option", { name: /Make a template of the selected nodes/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+a");
  const bar = page.getByRole("group", { name: "Selected nodes" });
  await expect(bar).toContainText("2 nodes");
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath("selected.png") });

  await bar.getByRole("button", { name: "Make a template of these…" }).click();
  const dialog = page.getByRole("dialog", { name: "Make a template of these" });
  await expect(dialog).toContainText("2 nodes");
  await dialog.getByRole("textbox", { name: "Name" }).fill("Ways");
  await dialog.getByRole("textbox", { name: "What it is for" }).fill("Where ways part.");
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath("make.png") });
  await dialog.getByRole("button", { name: "Make the template" }).click();
  await expect(dialog).toHaveCount(0);

  await page.getByRole("button", { name: "New from a template" }).click();
  const templates = page.getByRole("dialog", { name: "New from a template" });
  const made = templates.getByRole("button", { name: /Ways.*2 nodes/ });
  await expect(made).toContainText("Where ways part.");
  await made.click();
  await expect(templates).toHaveCount(0);
  for (const title of ["Which way?", "This way"]) await expect(ada.card(title)).toHaveCount(2);
  await expect(page.getByLabel("Edge from Which way? to This way")).toHaveCount(2);
});

test("a guest of the organization is not offered to make templates", async ({ studio, server, owner }) => {
  await studio.addNode("No pattern");
  const gil = await studio.visit("Gil");
  const { page } = gil;
  await call(server, `/orgs/${studio.project.orgId}/members/${gil.person.id}`, {
    person: owner,
    method: "PATCH",
    body: { role: "guest" },
  });
  // Until it is known what one is in the organization, nobody is offered it.
  await Promise.all([page.waitForResponse(/\/api\/v1\/orgs$/), page.reload()]);
  await expect(gil.stateLine).toHaveText("Saved");
  await expect(gil.card("No pattern")).toBeVisible();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("template");
  await expect(page.getByRole("option", { name: /New from a template/ })).toBeVisible();
  await expect(page.getByRole("option", { name: /Make a template/ })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("group", { name: "Selected nodes" })).toHaveCount(0);
});
