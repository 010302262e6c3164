import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./http";
import { everything } from "./queries";
import type { Invitation, Member, OrganizationRole, ProjectRole } from "./types";

/** What people belong to: an organization, or one of its projects. */
export interface Group {
  kind: "orgs" | "projects";
  id: string;
}

const keyOf = ({ kind, id }: Group) => ["members", kind, id] as const;

/** Those who have a role of their own in it. */
export function useMembers<Role extends string>(group: Group) {
  return useQuery({
    queryKey: keyOf(group),
    queryFn: () => everything<Member<Role>>(`/${group.kind}/${group.id}/members`),
  });
}

/** Adds, changes and removes members. */
export function useMemberChanges<Role extends string>(group: Group) {
  const queries = useQueryClient();
  const path = `/${group.kind}/${group.id}/members`;
  const onSuccess = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: keyOf(group) }),
      queries.invalidateQueries({ queryKey: ["names"] }),
      queries.invalidateQueries({ queryKey: ["orgs"] }),
    ]);
  return {
    add: useMutation({
      mutationFn: (member: { email: string; role: Role }) => request<Member<Role>>("POST", path, member),
      onSuccess,
    }),
    setRole: useMutation({
      mutationFn: ({ userId, role }: { userId: string; role: Role }) =>
        request<Member<Role>>("PATCH", `${path}/${userId}`, { role }),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: (userId: string) => request<void>("DELETE", `${path}/${userId}`),
      onSuccess,
    }),
  };
}

/** The addresses that were invited and that nobody has signed in with yet. */
export function useInvitations(orgId: string, enabled: boolean) {
  return useQuery({
    queryKey: ["invitations", orgId],
    enabled,
    queryFn: () => everything<Invitation>(`/orgs/${orgId}/invitations`),
  });
}

export interface NewInvitation {
  email: string;
  role: Exclude<OrganizationRole, "owner">;
  projectId?: string;
  projectRole?: ProjectRole;
}

/** Invites addresses, and takes invitations back. */
export function useInvitationChanges(orgId: string) {
  const queries = useQueryClient();
  const onSuccess = () => queries.invalidateQueries({ queryKey: ["invitations", orgId] });
  return {
    invite: useMutation({
      mutationFn: (invitation: NewInvitation) =>
        request<Invitation>("POST", `/orgs/${orgId}/invitations`, invitation),
      onSuccess,
    }),
    revoke: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `/orgs/${orgId}/invitations/${id}`),
      onSuccess,
    }),
  };
}
