import { expect, type Page } from "@playwright/test";
import { call, createNode, createProject, type Person, type Project } from "../rest";
import type { Server } from "../server";
import { violations } from "./axe";
import { test, type Visitor } from "./studio";

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
/** A worker reads a file, and an event tells of it. */
const READ = { timeout: 30_000 } as const;

interface Chosen {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

const aText = (name: string, text: string): Chosen => ({
  name,
  mimeType: "text/plain",
  buffer: Buffer.from(text),
});

/** The list of a node's inputs, and what belongs to it. */
const inputsOf = (visitor: Visitor) => visitor.panel.getByRole("region", { name: "Inputs" });

/** Chooses files for the inputs of the open node, as the button does. */
async function choose(visitor: Visitor, files: Chosen[]): Promise<void> {
  const asked = visitor.page.waitForEvent("filechooser");
  await inputsOf(visitor).getByRole("button", { name: "Add files to the inputs" }).click();
  await (await asked).setFiles(files);
}

/** The card of a file among the inputs. */
const cardOf = (visitor: Visitor, name: string) => inputsOf(visitor).getByRole("article", { name });

/** Lets one drop a file somewhere: a browser makes the drag, so a page has to make the file. */
async function drop(page: Page, onto: string, name: string, text: string): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([filename, content]) => {
      const data = new DataTransfer();
      data.items.add(new File([content], filename, { type: "text/plain" }));
      return data;
    },
    [name, text] as const,
  );
  const place = page.getByRole("list", { name: onto });
  for (const type of ["dragenter", "dragover", "drop"]) await place.dispatchEvent(type, { dataTransfer });
}

/** What of a file is kept, read over REST. */
async function filesOf(server: Server, project: Project, person: Person) {
  const { items } = await call<{ items: { id: string; filename: string; processingStatus: string }[] }>(
    server,
    `/orgs/${project.orgId}/files?projectId=${project.id}`,
    { person },
  );
  return items;
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`files come into a node, are read, and are seen and downloaded by others, in ${colorScheme}`, async ({
    studio,
  }, info) => {
    const nodeId = await studio.addNode(`With files, ${colorScheme}`);
    const ada = await studio.visit("Ada", { nodeId });
    const ben = await studio.visit("Ben", { nodeId });
    for (const { page } of [ada, ben]) await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });

    await choose(ada, [
      aText("minutes.txt", "The zeppelin committee met at noon."),
      { name: "pixel.png", mimeType: "image/png", buffer: PIXEL },
    ]);
    for (const visitor of [ada, ben]) {
      const minutes = cardOf(visitor, "minutes.txt");
      await expect(minutes).toContainText("Text · 35 bytes");
      await expect(minutes.getByRole("status")).toHaveText("Read", READ);
      await expect(minutes).toContainText("The zeppelin committee met at noon.");
      await expect(
        cardOf(visitor, "pixel.png").getByRole("img", { name: "Preview of pixel.png" }),
      ).toBeVisible();
    }
    await expect(ada.stateLine).toHaveText("Saved");
    await ada.page.screenshot({ path: info.outputPath("files.png") });
    expect(await violations(ada.page)).toEqual([]);

    const downloading = ben.page.waitForEvent("download");
    await cardOf(ben, "minutes.txt").getByRole("button", { name: "Download minutes.txt" }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("minutes.txt");
    const bytes: Buffer[] = [];
    for await (const piece of await download.createReadStream()) bytes.push(piece as Buffer);
    expect(Buffer.concat(bytes).toString()).toBe("The zeppelin committee met at noon.");

    await cardOf(ben, "minutes.txt").getByRole("button", { name: "Open the text of minutes.txt" }).click();
    const text = ben.page.getByRole("dialog", { name: "minutes.txt" });
    await expect(text.getByRole("region", { name: "Text of minutes.txt" })).toContainText(
      "zeppelin committee",
    );
    expect(await violations(ben.page)).toEqual([]);
    await ben.page.keyboard.press("Escape");
    await expect(text).toBeHidden();
    await expect(ben.panel).toBeVisible();
  });
}

test("a file is dropped onto a list, and its card is undone and moved like any other", async ({ studio }) => {
  const nodeId = await studio.addNode("Dropped on");
  const ada = await studio.visit("Ada", { nodeId });
  await expect(ada.panel.getByRole("button", { name: "Add files to the outputs" })).toBeVisible();
  await drop(ada.page, "Outputs", "dropped.txt", "Dropped words.");
  const outputs = ada.panel.getByRole("region", { name: "Outputs" });
  const card = outputs.getByRole("article", { name: "dropped.txt" });
  await expect(card).toContainText("Text · 14 bytes");
  await expect(ada.stateLine).toHaveText("Saved");
  await card.getByRole("button", { name: "Actions for output 1" }).click();
  await ada.page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(card).toHaveCount(0);
  await ada.page.keyboard.press("Control+z");
  await expect(card).toBeVisible();
});

test("an upload shows how far it is, is cancelled, and is tried again after the connection was lost", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await createProject(server, person, "Uploads");
  const nodeId = await createNode(server, project, person, "Slow");
  await page.goto(`${server.httpUrl}/p/${project.id}/n/${nodeId}`);
  await expect(ada.stateLine).toHaveText("Saved");
  const announcing = "**/api/v1/orgs/*/files/upload";

  // Bytes are held back until the test lets them go.
  const held: (() => void)[] = [];
  const isPut = (url: URL) => url.pathname.startsWith("/api/v1/blobs/");
  await page.route(isPut, async (route) => {
    if (route.request().method() === "PUT") await new Promise<void>((resolve) => held.push(resolve));
    await route.continue().catch(() => {});
  });
  await choose(ada, [aText("slow.txt", "Slowly.")]);
  await expect(page.getByRole("progressbar", { name: "Upload of slow.txt" })).toBeVisible();
  await page.screenshot({ path: info.outputPath("under-way.png") });
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: "Cancel the upload of slow.txt" }).click();
  await expect(page.getByRole("list", { name: "Uploads" })).toHaveCount(0);
  for (const release of held) release();
  await page.unroute(isPut);
  await expect(cardOf(ada, "slow.txt")).toHaveCount(0);

  await page.route(announcing, (route) => route.abort("connectionfailed"));
  await choose(ada, [aText("again.txt", "Again.")]);
  const failed = inputsOf(ada).getByRole("alert");
  await expect(failed).toContainText("again.txt was not uploaded. The server cannot be reached.");
  await page.screenshot({ path: info.outputPath("failed.png") });
  expect(await violations(page)).toEqual([]);
  await page.unroute(announcing);
  await page.getByRole("button", { name: "Try to upload again.txt again" }).click();
  await expect(cardOf(ada, "again.txt")).toContainText("Text · 6 bytes");
  await expect(failed).toHaveCount(0);
  const states = await filesOf(server, project, person);
  expect(states.filter(({ filename }) => filename === "again.txt")).toHaveLength(1);
  const left = states.filter(({ filename }) => filename === "slow.txt");
  expect(left.filter(({ processingStatus }) => processingStatus !== "uploading")).toEqual([]);
});

test("a file that is too large is refused before it is sent, and says so", async ({ studio }) => {
  const nodeId = await studio.addNode("Refusing");
  const ada = await studio.visit("Ada", { nodeId });
  const puts: string[] = [];
  ada.page.on("request", (request) => {
    if (request.method() === "PUT") puts.push(request.url());
  });
  await expect(ada.panel.getByRole("button", { name: "Add files to the inputs" })).toBeVisible();
  await ada.page.evaluate(() => {
    const size = 101 * 1024 * 1024;
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], "huge.bin"));
    const list = document.querySelector('ul[aria-label="Inputs"]');
    list?.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  const refused = inputsOf(ada).getByRole("alert");
  await expect(refused).toContainText("huge.bin was not uploaded.");
  await expect(inputsOf(ada).getByRole("button", { name: /Try to upload/ })).toHaveCount(0);
  expect(puts).toEqual([]);
  await ada.page.getByRole("button", { name: "Dismiss huge.bin" }).click();
  await expect(refused).toHaveCount(0);
});

test("a file arrives in its node also when that was closed meanwhile", async ({ studio }) => {
  const nodeId = await studio.addNode("Closed early");
  const ada = await studio.visit("Ada", { nodeId });
  const ben = await studio.visit("Ben", { nodeId });
  const confirming = "**/api/v1/files/*/confirm";
  let release = () => {};
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  await ada.page.route(confirming, async (route) => {
    await isReleased;
    await route.continue();
  });
  await choose(ada, [aText("late.txt", "Late.")]);
  await expect(inputsOf(ada).getByText("Being confirmed")).toBeVisible();
  await expect(cardOf(ben, "late.txt")).toHaveCount(0);
  await ada.page.getByRole("button", { name: "Close node" }).click();
  await expect(ada.panel).toBeHidden();
  release();
  await expect(cardOf(ben, "late.txt")).toContainText("Text · 5 bytes");
});

test("a viewer sees and downloads files, and cannot add any", async ({ studio }) => {
  const nodeId = await studio.addNode("To be looked at");
  const ada = await studio.visit("Ada", { nodeId });
  await choose(ada, [aText("open.txt", "For all.")]);
  await expect(cardOf(ada, "open.txt")).toBeVisible();
  const vera = await studio.visit("Vera", { role: "viewer", nodeId });
  await expect(cardOf(vera, "open.txt")).toContainText("Text · 8 bytes");
  const downloading = vera.page.waitForEvent("download");
  await cardOf(vera, "open.txt").getByRole("button", { name: "Download open.txt" }).click();
  expect((await downloading).suggestedFilename()).toBe("open.txt");
  await expect(vera.panel.getByRole("button", { name: /^Add/ })).toHaveCount(0);
  await drop(vera.page, "Inputs", "forced.txt", "No.");
  await expect(cardOf(vera, "forced.txt")).toHaveCount(0);
  await expect(vera.panel.getByRole("progressbar")).toHaveCount(0);
});

test("the files of a project are listed, filtered, renamed and deleted, and nodes say what is gone", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const { page, person } = ada;
  const project = await createProject(server, person, "Filed");
  const nodeId = await createNode(server, project, person, "Files here");
  const node = `${server.httpUrl}/p/${project.id}/n/${nodeId}`;
  await page.goto(node);
  await expect(ada.stateLine).toHaveText("Saved");
  await choose(ada, [aText("b.txt", "Bee."), aText("a.txt", "Ay, and more of it.")]);
  for (const name of ["a.txt", "b.txt"]) {
    await expect(cardOf(ada, name).getByRole("status")).toHaveText("Read", READ);
  }
  await expect(ada.stateLine).toHaveText("Saved");

  await page.getByRole("button", { name: "Files", exact: true }).click();
  await expect(page).toHaveURL(`${server.httpUrl}/o/${project.orgId}/files?project=${project.id}`);
  await expect(page.getByRole("heading", { name: "Files of Filed" })).toBeVisible();
  const rows = page.getByRole("list", { name: "Files" }).getByRole("listitem");
  await expect(rows).toHaveCount(2);
  await page.getByRole("combobox", { name: "Order" }).selectOption("By name");
  await expect(rows.first()).toContainText(/a\.txt.*Filed · by Ada/);
  await expect(rows.last()).toContainText("b.txt");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: info.outputPath(`files-${colorScheme}.png`) });
    expect(await violations(page)).toEqual([]);
  }
  await page.getByRole("combobox", { name: "State" }).selectOption("Could not be read");
  await expect(page.getByText("No file is in this state.")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();

  await page.getByRole("button", { name: "Actions for b.txt" }).click();
  await page.getByRole("menuitem", { name: "Rename…" }).click();
  const renaming = page.getByRole("dialog", { name: "Rename the file" });
  await renaming.getByRole("textbox", { name: "Name" }).fill("bee.txt");
  await renaming.getByRole("button", { name: "Rename" }).click();
  await expect(rows.filter({ hasText: "bee.txt" })).toHaveCount(1);

  await page.getByRole("button", { name: "Actions for a.txt" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  const deleting = page.getByRole("dialog", { name: "Delete this file?" });
  await expect(deleting).toContainText("a.txt is deleted for everybody");
  expect(await violations(page)).toEqual([]);
  await deleting.getByRole("button", { name: "Delete" }).click();
  await expect(rows).toHaveCount(1);

  await page.getByRole("link", { name: "Open the project" }).click();
  await expect(page).toHaveURL(`${server.httpUrl}/p/${project.id}`);
  await page.goto(node);
  await expect(cardOf(ada, "a.txt")).toContainText("was deleted, or it has not been shared with you");
  await expect(cardOf(ada, "b.txt")).toContainText("bee.txt");
});
