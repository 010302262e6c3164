import {
  type Browser,
  type BrowserContext,
  test as base,
  expect,
  type Locator,
  type Page,
} from "@playwright/test";
import { addToProject, call, type Person, type Project, type ProjectRole, signIn } from "../rest";
import { Server } from "../server";

/** Who owns what `serve --demo` makes. */
const DEMO_EMAIL = "demo@glassbox.dev";

/** Somebody at a window of their own. */
export class Visitor {
  readonly person: Person;
  readonly context: BrowserContext;
  readonly page: Page;

  constructor(person: Person, context: BrowserContext, page: Page) {
    this.person = person;
    this.context = context;
    this.page = page;
  }

  /** The line that says what is known about one's edits. */
  get stateLine(): Locator {
    return this.page.getByRole("status", { name: "Saving state" });
  }

  get canvas(): Locator {
    return this.page.getByRole("application", { name: "Canvas" });
  }

  /** A node on the canvas. */
  card(title: string): Locator {
    return this.page.getByRole("group", { name: title, exact: true });
  }

  /** The open node. */
  get panel(): Locator {
    return this.page.getByRole("region", { name: "Node", exact: true });
  }

  get body(): Locator {
    return this.panel.getByRole("textbox", { name: "Body" });
  }

  get title(): Locator {
    return this.panel.getByRole("textbox", { name: "Title", exact: true });
  }

  get whoIsHere(): Locator {
    return this.page.getByRole("group", { name: "People here" });
  }

  /** Puts the caret behind the last letter of the body. */
  async enterBody(): Promise<void> {
    await this.body.click();
    await this.page.keyboard.press("Control+End");
  }
}

interface Studio {
  /** The demo's project, which its owner and everybody who visits may open. */
  readonly project: Project;
  /** Opens a window in which somebody is signed in, at the project or one of its nodes. */
  visit(name: string, options?: { role?: ProjectRole; nodeId?: string }): Promise<Visitor>;
  /** Opens a window of the demo's owner. */
  visitAsOwner(options?: { nodeId?: string }): Promise<Visitor>;
  /** Adds a node to the project, and returns its id. */
  addNode(title: string, body?: string): Promise<string>;
}

export const test = base.extend<{ studio: Studio }, { server: Server; owner: Person }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the needed fixtures from this pattern.
    async ({}, use) => {
      // Providers of models and receivers of webhooks that tests play are on this machine.
      const settings = { GLASSBOX_AGENTS_NETWORKS: "all", GLASSBOX_WEBHOOKS_NETWORKS: "all" };
      const server = await Server.start({ demo: true, settings });
      await use(server);
      await server.remove();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  owner: [async ({ server }, use) => use(await signIn(server, "Demo", DEMO_EMAIL)), { scope: "worker" }],
  studio: async ({ browser, server, owner }, use) => {
    const id = new URL(server.announced).pathname.slice("/p/".length);
    const project = await call<Project>(server, `/projects/${id}`, { person: owner });
    const contexts: BrowserContext[] = [];
    const enter = async (person: Person, nodeId: string | undefined, state: string) => {
      const visitor = await openWindow(browser, person);
      contexts.push(visitor.context);
      await signInByHand(visitor, server);
      await visitor.page.goto(`${server.httpUrl}/p/${project.id}${nodeId ? `/n/${nodeId}` : ""}`);
      await expect(visitor.stateLine).toHaveText(state);
      return visitor;
    };
    await use({
      project,
      async visit(name, { role = "member", nodeId } = {}) {
        const person = await signIn(server, name);
        await addToProject(server, project, owner, person, role).catch(ignoreConflict);
        return enter(person, nodeId, role === "viewer" ? "View only" : "Saved");
      },
      visitAsOwner: ({ nodeId } = {}) => enter(owner, nodeId, "Saved"),
      async addNode(title, body = "") {
        const node = await call<{ id: string }>(server, `/projects/${project.id}/nodes`, {
          person: owner,
          body: { title, description: body },
        });
        return node.id;
      },
    });
    for (const context of contexts) await context.close();
  },
});

/** Somebody may have been added by an earlier test. */
function ignoreConflict(error: unknown): void {
  if (!(error instanceof Error) || !error.message.includes(": 409 ")) throw error;
}

async function openWindow(browser: Browser, person: Person): Promise<Visitor> {
  const context = await browser.newContext();
  return new Visitor(person, context, await context.newPage());
}

async function signInByHand({ page, person }: Visitor, server: Server): Promise<void> {
  await page.goto(server.httpUrl);
  await expect(page.getByRole("heading", { name: "Sign in to GlassBox" })).toBeVisible();
  await page.getByRole("textbox", { name: "E-mail" }).fill(person.email);
  await page.getByRole("textbox", { name: "Name" }).fill(person.name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Projects" })).toBeVisible();
}
