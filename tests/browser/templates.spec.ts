import { expect } from "@playwright/test";
import { call } from "../rest";
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
