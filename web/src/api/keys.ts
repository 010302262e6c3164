import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./http";
import { everything } from "./queries";

export const SCOPES = ["api:read", "api:write"] as const;
export type Scope = (typeof SCOPES)[number];

/** A key by which a program acts for the person who made it. */
export interface ApiKey {
  id: string;
  name: string;
  /** Its first characters. */
  hint: string;
  scopes: Scope[];
  createdBy: string;
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

/** The key itself is in the answer to its making, and nowhere else. */
export interface MadeApiKey extends ApiKey {
  key: string;
}

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expiresAt?: string;
}

const path = (orgId: string) => `/orgs/${orgId}/api-keys`;

export function useApiKeys(orgId: string) {
  return useQuery({ queryKey: ["keys", orgId], queryFn: () => everything<ApiKey>(path(orgId)) });
}

/** Makes keys, and revokes them. */
export function useApiKeyChanges(orgId: string) {
  const queries = useQueryClient();
  const onSuccess = () => queries.invalidateQueries({ queryKey: ["keys", orgId] });
  return {
    make: useMutation({
      mutationFn: (key: NewApiKey) => request<MadeApiKey>("POST", path(orgId), key),
      onSuccess,
    }),
    revoke: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `${path(orgId)}/${id}`),
      onSuccess,
    }),
  };
}
