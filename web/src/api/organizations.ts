import { useMutation, useQueryClient } from "@tanstack/react-query";
import { request, withQuery } from "./http";
import type { AgentPolicies, EventSourcingLevel, Organization } from "./types";

/** What of an organization can be changed. What is left out stays. */
export interface OrganizationChanges {
  name?: string;
  slug?: string;
  eventSourcingLevel?: EventSourcingLevel;
  settings?: { agentPolicies: Partial<AgentPolicies> };
}

/** Changes an organization. */
export function useChangeOrganization(orgId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (changes: OrganizationChanges) => request<Organization>("PATCH", `/orgs/${orgId}`, changes),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["orgs"] }),
  });
}

/** Deletes an organization with all that it holds; its slug says that it is meant. */
export function useDeleteOrganization(orgId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (slug: string) => request<void>("DELETE", withQuery(`/orgs/${orgId}`, { confirm: slug })),
    // Not waited for: once the list is here, the page that asked is gone, and does not hear of the success.
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["orgs"] }),
  });
}
