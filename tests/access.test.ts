import { afterAll, beforeAll, expect, it } from "vitest";
import { append, changesOf, closed, isSynced, openSdk, openStock, reads, until } from "./clients";
import { addToProject, call, createDocument, createProject, type Person, type Project, signIn } from "./rest";
import { Server } from "./server";

/** Within this time an open socket feels a change that was made through REST. */
const FELT_MS = 1000;
/** Checks that are due by themselves are an hour away. */
const settings = { GLASSBOX_LIMITS_ACCESS_CHECK_SECONDS: "3600", GLASSBOX_LIMITS_HEAD_CHECK_MS: "3600000" };

let server: Server;
let ada: Person;
let vera: Person;

beforeAll(async () => {
  server = await Server.start({ settings });
  [ada, vera] = [await signIn(server, "Ada"), await signIn(server, "Vera")];
}, 60_000);

afterAll(() => server?.remove());

/** A project of Ada's in which Vera writes, and a document of it that is open in a client of each sort. */
async function together(token: string) {
  const project = await createProject(server, ada);
  await addToProject(server, project, ada, vera, "member");
  const name = await createDocument(server, project, ada);
  const sdk = openSdk(server, name, token);
  const stock = openStock(server, name, token);
  await Promise.all([sdk.whenSynced, isSynced(stock)]);
  return { project, name, sdk, stock };
}

/** Does something, and tells how long it took until its effect was there. */
async function felt(act: Promise<unknown>, ...effects: Promise<unknown>[]): Promise<number> {
  await act;
  const done = performance.now();
  await Promise.all(effects);
  return performance.now() - done;
}

function ended({ sdk, stock }: Awaited<ReturnType<typeof together>>): Promise<unknown>[] {
  const isEnded = () => sdk.error.value?.code === "ACCESS_ENDED";
  return [
    until("the end of access", isEnded, [changesOf(sdk.error)]),
    closed(stock).then((code) => expect(code).toBe(4403)),
  ];
}

const endings: [string, (project: Project) => Promise<unknown>][] = [
  [
    "who is taken out of the organization is closed out",
    ({ orgId }) => call(server, `/orgs/${orgId}/members/${vera.id}`, { person: ada, method: "DELETE" }),
  ],
  [
    "who is taken out of the project is closed out",
    ({ id }) => call(server, `/projects/${id}/members/${vera.id}`, { person: ada, method: "DELETE" }),
  ],
  [
    "who leaves is closed out",
    ({ orgId }) => call(server, `/orgs/${orgId}/members/${vera.id}`, { person: vera, method: "DELETE" }),
  ],
  [
    "a project that goes into the trash is closed",
    ({ id }) => call(server, `/projects/${id}`, { person: ada, method: "DELETE" }),
  ],
  [
    "an organization that ends is closed",
    async ({ orgId }) => {
      const { slug } = await call<{ slug: string }>(server, `/orgs/${orgId}`, { person: ada });
      return call(server, `/orgs/${orgId}?confirm=${slug}`, { person: ada, method: "DELETE" });
    },
  ],
];

it.each(endings)("%s within a second", async (_, end) => {
  const open = await together(vera.token);
  const effects = ended(open);
  expect(await felt(end(open.project), ...effects)).toBeLessThan(FELT_MS);
});

it("who may only read from now on is told so within a second, and who may write again too", async () => {
  const { project, sdk, stock, name } = await together(vera.token);
  const change = (role: string) =>
    call(server, `/projects/${project.id}/members/${vera.id}`, {
      person: ada,
      method: "PATCH",
      body: { role },
    });
  const may = (access: string) => until(access, () => sdk.access.value === access, [changesOf(sdk.access)]);
  expect(await felt(change("viewer"), may("read"))).toBeLessThan(FELT_MS);
  const witness = openSdk(server, name, ada.token);
  await witness.whenSynced;
  append(sdk.doc, "held back");
  append(witness.doc, "seen");
  await reads(sdk.doc, "seen");
  expect(witness.doc.getText("text").toString()).not.toContain("held back");
  expect(await felt(change("member"), may("write"))).toBeLessThan(FELT_MS);
  await reads(witness.doc, "held back");
  expect(stock.provider.wsconnected).toBe(true);
});

it("a program works with a key until it is revoked, which is felt within a second", async () => {
  const project = await createProject(server, ada);
  const name = await createDocument(server, project, ada);
  const made = await call<{ id: string; key: string }>(server, `/orgs/${project.orgId}/api-keys`, {
    person: ada,
    body: { name: "Robot", scopes: ["api:write"] },
  });
  const robot = { ...ada, token: made.key };
  const token = async () =>
    (await call<{ token: string }>(server, "/auth/ws-token", { person: robot, body: {} })).token;
  const sdk = openSdk(server, name, token);
  await sdk.whenSynced;
  append(sdk.doc, "by a program");
  await sdk.whenSaved();
  const isEnded = () => sdk.error.value?.code === "ACCESS_ENDED";
  const end = until("the end of access", isEnded, [changesOf(sdk.error)]);
  const revoke = call(server, `/orgs/${project.orgId}/api-keys/${made.id}`, {
    person: ada,
    method: "DELETE",
  });
  expect(await felt(revoke, end)).toBeLessThan(FELT_MS);
  await expect(token()).rejects.toThrow("401");
});
