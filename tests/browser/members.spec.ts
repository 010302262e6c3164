import { expect } from "@playwright/test";
import { call, createProject, type Person, signIn } from "../rest";
import { test } from "./studio";

/** A change of access is told, not asked for. */
const TOLD = { timeout: 2_000 } as const;

interface Members {
  items: { userId: string; role: string }[];
}

async function roleOf(server: Parameters<typeof call>[0], path: string, by: Person, person: Person) {
  const { items } = await call<Members>(server, `${path}/members`, { person: by });
  return items.find(({ userId }) => userId === person.id)?.role;
}

test("a change of role is felt at once in the window of whom it concerns", async ({
  studio,
  server,
  owner,
}, info) => {
  const nodeId = await studio.addNode("Shared", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  await expect(ada.body).toHaveAttribute("contenteditable", "true");
  // Members of the organization may edit whatever the project says: Ada is to have only what the project gives.
  await call(server, `/orgs/${studio.project.orgId}/members/${ada.person.id}`, {
    person: owner,
    method: "PATCH",
    body: { role: "guest" },
  });

  const me = await studio.visitAsOwner();
  await me.page.getByRole("button", { name: "Project members" }).click();
  const dialog = me.page.getByRole("dialog", { name: "Project members" });
  await dialog.getByRole("combobox", { name: "Role of Ada" }).selectOption("viewer");
  await expect(ada.stateLine).toHaveText("View only", TOLD);
  await expect(ada.body).toHaveAttribute("contenteditable", "false", TOLD);
  await me.page.screenshot({ path: info.outputPath("roles.png") });
  await ada.page.screenshot({ path: info.outputPath("demoted.png") });

  await dialog.getByRole("combobox", { name: "Role of Ada" }).selectOption("member");
  await expect(ada.body).toHaveAttribute("contenteditable", "true", TOLD);
  await expect(ada.stateLine).toHaveText("Saved", TOLD);

  await dialog.getByRole("button", { name: "Remove Ada" }).click();
  await me.page
    .getByRole("dialog", { name: /Remove Ada/ })
    .getByRole("button", { name: "Remove" })
    .click();
  await expect(dialog.getByRole("combobox", { name: "Role of Ada" })).toHaveCount(0);
  await expect(ada.stateLine).not.toHaveText("Saved", TOLD);
  await ada.page.screenshot({ path: info.outputPath("removed.png") });
  await call(server, `/orgs/${studio.project.orgId}/members/${ada.person.id}`, {
    person: owner,
    method: "PATCH",
    body: { role: "member" },
  });
});

test("people are added to an organization by their address, and invited if they never signed in", async ({
  studio,
  server,
}, info) => {
  const ada = await studio.visit("Ada");
  const project = await createProject(server, ada.person, "Own");
  const ben = await signIn(server, "Ben");
  const { page } = ada;
  await page.goto(`${server.httpUrl}/o/${project.orgId}/members`);
  const add = page.getByRole("region", { name: "Add somebody" });
  await add.getByRole("textbox", { name: "Add by e-mail" }).fill(ben.email);
  await add.getByRole("combobox", { name: "Role" }).selectOption("admin");
  await add.getByRole("button", { name: "Add member" }).click();
  await expect(add.getByRole("status")).toHaveText("Ben was added.");
  expect(await roleOf(server, `/orgs/${project.orgId}`, ada.person, ben)).toBe("admin");

  await page.getByRole("combobox", { name: "Role of Ben" }).selectOption("guest");
  await expect.poll(() => roleOf(server, `/orgs/${project.orgId}`, ada.person, ben)).toBe("guest");

  await add.getByRole("textbox", { name: "Add by e-mail" }).fill("nobody-yet@example.com");
  await add.getByRole("combobox", { name: "Role" }).selectOption("member");
  await add.getByRole("button", { name: "Add member" }).click();
  const pending = page.getByRole("region", { name: "Pending invitations" });
  await expect(pending).toContainText("nobody-yet@example.com");
  await page.screenshot({ path: info.outputPath("members.png") });
  const invited = await signIn(server, "Nobody", "nobody-yet@example.com");
  expect(await roleOf(server, `/orgs/${project.orgId}`, ada.person, invited)).toBe("member");

  // The last owner stays one, and the page says why.
  await page.getByRole("combobox", { name: "Role of Ada" }).selectOption("member");
  await expect(page.getByText(/Ada keeps their role/)).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Role of Ada" })).toHaveValue("owner");
});

test("a member without rights sees who belongs, and nothing to change", async ({ studio, server }) => {
  const vera = await studio.visit("Vera");
  await vera.page.goto(`${server.httpUrl}/o/${studio.project.orgId}/members`);
  await expect(vera.page.getByRole("list", { name: "Members" })).toContainText("Demo");
  await expect(vera.page.getByRole("combobox")).toHaveCount(0);
  await expect(vera.page.getByRole("link", { name: "API keys" })).toHaveCount(0);
  await vera.page.goto(`${server.httpUrl}/o/${studio.project.orgId}/audit`);
  await expect(vera.page.getByRole("heading", { name: "For owners and admins" })).toBeVisible();
});

test("one's own name is changed in the profile, and seen by others at once where one has a project open", async ({
  studio,
  server,
}) => {
  const nodeId = await studio.addNode("Written by Ida");
  const ida = await studio.visit("Ida", { nodeId });
  const ben = await studio.visit("Ben");
  await expect(ben.whoIsHere.getByRole("img", { name: "Ida", exact: true })).toBeVisible();
  await ida.enterBody();
  await ida.page.keyboard.type("Before.");

  const profile = await ida.context.newPage();
  await profile.goto(`${server.httpUrl}/me`);
  await profile.getByRole("textbox", { name: "Name" }).fill("Ida B.");
  await profile.getByRole("button", { name: "Save" }).click();
  await expect(profile.getByRole("button", { name: "Account of Ida B." })).toBeVisible();
  await expect(ben.whoIsHere.getByRole("img", { name: "Ida B." })).toBeVisible(TOLD);
  await expect(ben.whoIsHere.getByRole("img")).toHaveCount(1);

  // What is open stays open, with all that can be undone.
  await ida.page.keyboard.type(" After.");
  await expect(ida.body).toHaveText("Before. After.");
  await expect(ida.stateLine).toHaveText("Saved");
});
