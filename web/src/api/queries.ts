import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, request, withQuery } from "./http";
import type { Session } from "./session";
import type { Organization, Page, Project, ProjectSettings } from "./types";

const PAGES_AT_MOST = 50;

/** All pages of a list, of which there are few. */
export async function everything<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_AT_MOST; page += 1) {
    const answer: Page<T> = await request<Page<T>>("GET", withQuery(path, { cursor }));
    items.push(...answer.items);
    cursor = answer.nextCursor ?? null;
    if (!cursor) break;
  }
  return items;
}

/** Signs in by e-mail; the server offers this in development mode only. */
export function signIn(email: string, name: string): Promise<Session> {
  return request<Session>("POST", "/auth/dev-token", { email, name: name || undefined });
}

/** A token for one socket, good for five minutes. */
export async function socketToken(): Promise<string> {
  return (await request<{ token: string }>("POST", "/auth/ws-token")).token;
}

export const TOO_MANY_REQUESTS = 429;

/** Whether asking again could help: not when the server has understood and said no, unless it was too soon. */
export function worthRetrying(failures: number, error: unknown): boolean {
  const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
  if (isRefused && error.status !== TOO_MANY_REQUESTS) return false;
  return failures < 3;
}

export function useOrganizations() {
  return useQuery({ queryKey: ["orgs"], queryFn: () => everything<Organization>("/orgs") });
}

/** One of my organizations; undefined while it is not known or not mine. */
export function useOrganization(orgId: string) {
  const organizations = useOrganizations();
  return { ...organizations, data: organizations.data?.find(({ id }) => id === orgId) };
}

/** The projects of an organization that I may open. */
export function useProjects(orgId: string | undefined) {
  return useQuery({
    queryKey: ["projects", orgId],
    enabled: orgId !== undefined,
    queryFn: () => everything<Project>(`/orgs/${orgId}/projects`),
  });
}

export function useProject(projectId: string) {
  return useQuery({
    queryKey: ["project", projectId],
    queryFn: () => request<Project>("GET", `/projects/${projectId}`),
  });
}

/** The names of those who belong to a project or its organization. What I may not list is left out. */
export function useNames(project: Project | undefined): ReadonlyMap<string, string> {
  const names = useQuery({
    queryKey: ["names", project?.id],
    enabled: project !== undefined,
    staleTime: 300_000,
    queryFn: async () => {
      const lists = [`/orgs/${project?.orgId}/members`, `/projects/${project?.id}/members`];
      const answers = await Promise.allSettled(
        lists.map((path) => everything<{ userId: string; name: string }>(path)),
      );
      const people = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
      return new Map(people.map(({ userId, name }) => [userId, name]));
    },
  });
  return names.data ?? NO_NAMES;
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

export function useCreateOrganization() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => request<Organization>("POST", "/orgs", { name }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["orgs"] }),
  });
}

export function useCreateProject(orgId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (project: { name: string; description?: string }) =>
      request<Project>("POST", `/orgs/${orgId}/projects`, project),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["projects", orgId] }),
  });
}

/** The projects of an organization that are in the trash. */
export function useDeletedProjects(orgId: string) {
  return useQuery({
    queryKey: ["projects", orgId, "deleted"],
    queryFn: () => everything<Project>(`/orgs/${orgId}/projects?deleted=true`),
  });
}

/** Changes a project, puts it into the trash, and takes it out again. */
export function useProjectChanges(orgId: string) {
  const queries = useQueryClient();
  const onSuccess = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ["projects", orgId] }),
      queries.invalidateQueries({ queryKey: ["project"] }),
    ]);
  return {
    change: useMutation({
      mutationFn: ({ id, ...changes }: { id: string } & ProjectChanges) =>
        request<Project>("PATCH", `/projects/${id}`, changes),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `/projects/${id}`),
      onSuccess,
    }),
    restore: useMutation({
      mutationFn: (id: string) => request<Project>("POST", `/projects/${id}/restore`),
      onSuccess,
    }),
  };
}

/** What of a project can be changed; `null` takes it away. */
export interface ProjectChanges {
  name?: string;
  description?: string | null;
  workflowStates?: string[];
  settings?: Partial<ProjectSettings>;
}
