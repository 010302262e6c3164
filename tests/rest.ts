import type { Server } from "./server";

/** Somebody who is signed in. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** Development token: good for REST and for sockets. */
  readonly token: string;
}

export interface Project {
  readonly id: string;
  readonly orgId: string;
}

export type ProjectRole = "admin" | "member" | "viewer";

/** Signs in with a development token; somebody new becomes a user. */
export async function signIn(
  server: Server,
  name: string,
  email = `${name.toLowerCase()}@example.com`,
): Promise<Person> {
  const { token, user } = await call<{ token: string; user: { id: string } }>(server, "/auth/dev-token", {
    body: { email, name },
  });
  return { id: user.id, name, email, token };
}

/** A short-lived token for sockets. */
export async function socketToken(server: Server, person: Person): Promise<string> {
  const { token } = await call<{ token: string }>(server, "/auth/ws-token", { person, body: {} });
  return token;
}

/** A project in a new organization of its owner. */
export async function createProject(server: Server, owner: Person, name = "Test"): Promise<Project> {
  const org = await call<{ id: string }>(server, "/orgs", { person: owner, body: { name } });
  return call<Project>(server, `/orgs/${org.id}/projects`, { person: owner, body: { name } });
}

/** Gives somebody who is not in the organization a role in a project. */
export async function addToProject(
  server: Server,
  project: Project,
  by: Person,
  person: Person,
  role: ProjectRole,
): Promise<void> {
  await call(server, `/projects/${project.id}/members`, { person: by, body: { email: person.email, role } });
}

/** Creates a free document and returns its name. */
export async function createDocument(server: Server, project: Project, by: Person): Promise<string> {
  const { name } = await call<{ name: string }>(server, `/projects/${project.id}/documents`, {
    person: by,
    body: {},
  });
  return name;
}

/** Creates a node and returns its id. */
export async function createNode(
  server: Server,
  project: Project,
  by: Person,
  title = "Node",
): Promise<string> {
  const path = `/projects/${project.id}/nodes`;
  return (await call<{ id: string }>(server, path, { person: by, body: { title } })).id;
}

/** From now on, who does not hold a node's lock cannot edit it while somebody else does. */
export async function enforceLocks(server: Server, project: Project, by: Person): Promise<void> {
  const body = { settings: { lockMode: "enforced" } };
  await call(server, `/projects/${project.id}`, { person: by, method: "PATCH", body });
}

/** A project that two people may edit, and in which locks keep others out. */
export async function createLockedProject(
  server: Server,
): Promise<{ owner: Person; member: Person; project: Project }> {
  const [owner, member] = await Promise.all([signIn(server, "Ada"), signIn(server, "Vera")]);
  const project = await createProject(server, owner);
  await addToProject(server, project, owner, member, "member");
  await enforceLocks(server, project, owner);
  return { owner, member, project };
}

/** A document's stored and live state, as one Yjs update. */
export async function snapshot(server: Server, person: Person, document: string): Promise<Uint8Array> {
  const response = await fetch(
    `${server.httpUrl}/api/v1/documents/${encodeURIComponent(document)}/snapshot?format=yjs`,
    { headers: { authorization: `Bearer ${person.token}` } },
  );
  if (!response.ok) throw new Error(`snapshot: ${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

interface Call {
  readonly person?: Person;
  readonly method?: string;
  readonly body?: unknown;
}

/** Calls REST; without a method, a body makes it a POST. */
export async function call<T>(server: Server, path: string, { person, method, body }: Call = {}): Promise<T> {
  const response = await fetch(`${server.httpUrl}/api/v1${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(person ? { authorization: `Bearer ${person.token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}
