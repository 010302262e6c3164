import { fileURLToPath } from "node:url";
import { type BrowserContext, expect, type Page } from "@playwright/test";
import { createServer, type ViteDevServer } from "vite";
import { test } from "./studio";

let vite: ViteDevServer;
const contexts: BrowserContext[] = [];

test.beforeAll(async () => {
  vite = await createServer({
    configFile: false,
    root: fileURLToPath(new URL("./stock-page", import.meta.url)),
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0 },
    // Found before the first page asks, which otherwise would be loaded twice.
    optimizeDeps: { entries: ["main.ts"] },
    resolve: { dedupe: ["yjs", "y-protocols", "lib0"] },
  });
  await vite.listen();
});

test.afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

test.afterAll(() => vite.close());

test("Tiptap and y-websocket in two stock pages type in one paragraph at once", async ({
  browser,
  server,
}, info) => {
  const open = async (): Promise<Page> => {
    const context = await browser.newContext();
    contexts.push(context);
    const page = await context.newPage();
    const query = new URLSearchParams({ server: server.yjsUrl, document: "scratch:stock-page" });
    await page.goto(`${vite.resolvedUrls?.local[0]}?${query}`);
    await expect(page.locator("body")).toHaveAttribute("data-synced", "true");
    return page;
  };
  const [one, two] = [await open(), await open()];
  const texts = [one, two].map((page) => page.getByRole("textbox", { name: "Text" }));
  await texts[0]?.click();
  await one.keyboard.type("Middle.");
  await expect(texts[1] as NonNullable<(typeof texts)[1]>).toHaveText("Middle.");
  await texts[1]?.click();
  await two.keyboard.press("Control+Home");
  await Promise.all([
    one.keyboard.type(" The end, by one.", { delay: 20 }),
    two.keyboard.type("The start, by two. ", { delay: 20 }),
  ]);
  for (const text of texts) await expect(text).toHaveText("The start, by two. Middle. The end, by one.");
  await one.screenshot({ path: info.outputPath("stock.png") });

  await server.kill();
  await two.keyboard.type("Written offline. ");
  await server.start();
  for (const text of texts)
    await expect(text).toContainText("by two. Written offline. Middle.", { timeout: 20_000 });
});
