import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./http";
import { everything } from "./queries";
import type { Organization } from "./types";

/** A model that agents of an organization may use. */
export interface Model {
  /** Null: it is the server's own. */
  id: string | null;
  name: string;
  /** Where it is asked; null: that is for others to know. */
  baseUrl: string | null;
  /** As the provider calls it; null likewise. */
  model: string | null;
  /** Names the secret with which it is called, which only the server knows. */
  keyName: string | null;
  /** Null: it is not known. */
  usdPerMillionIn: number | null;
  usdPerMillionOut: number | null;
  contextTokens: number;
  outputTokens: number;
  /** The names of models that are tried instead, in order. */
  fallbacks: string[];
  /** Whether it only plays a model. */
  isDemo: boolean;
}

export interface NewModel extends Omit<Model, "id" | "isDemo"> {
  baseUrl: string;
  model: string;
}

const path = (orgId: string) => `/orgs/${orgId}/models`;
const key = (orgId: string) => ["models", orgId];

/** The models of an organization, the server's own first. */
export function useModels(orgId: string | undefined) {
  return useQuery({
    queryKey: key(orgId ?? ""),
    enabled: orgId !== undefined,
    queryFn: () => everything<Model>(path(orgId as string)),
  });
}

/** Adds, changes and removes models, and says which one is used unless another is named. */
export function useModelChanges(orgId: string) {
  const queries = useQueryClient();
  const onSuccess = () => queries.invalidateQueries({ queryKey: key(orgId) });
  return {
    add: useMutation({
      mutationFn: (model: NewModel) => request<Model>("POST", path(orgId), model),
      onSuccess,
    }),
    change: useMutation({
      mutationFn: ({ id, ...changes }: { id: string } & Partial<NewModel>) =>
        request<Model>("PATCH", `${path(orgId)}/${id}`, changes),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `${path(orgId)}/${id}`),
      onSuccess,
    }),
    setDefault: useMutation({
      mutationFn: (defaultModel: string | null) =>
        request<Organization>("PATCH", `/orgs/${orgId}`, { settings: { defaultModel } }),
      onSuccess: () => queries.invalidateQueries({ queryKey: ["orgs"] }),
    }),
  };
}
