import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./http";
import { usePages } from "./pages";
import { everything } from "./queries";

/** An address that is told what happens in an organization. */
export interface Webhook {
  id: string;
  url: string;
  description: string;
  /** The types of events that it is told; empty: all but moves of nodes. */
  events: string[];
  active: boolean;
  /** Why the server made it inactive. */
  disabledReason: string | null;
  /** Since when nothing gets through. */
  failingSince: string | null;
  createdAt: string;
}

/** A secret is in the answer to its making, and nowhere else. */
interface WithSecret {
  secret: string;
}

/** What is chosen of a webhook. */
export interface NewWebhook {
  url: string;
  description: string;
  events: string[];
}

/** One message on its way to an address. */
export interface Delivery {
  id: string;
  /** Of the event, or `ping`. */
  type: string;
  data: unknown;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  nextAttemptAt: string | null;
  durationMs: number | null;
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  createdAt: string;
}

const path = (orgId: string) => `/orgs/${orgId}/webhooks`;

/** How often one looks whether anything gets through. */
const CHECK_EVERY_MS = 10_000;

export function useWebhooks(orgId: string) {
  return useQuery({
    queryKey: ["webhooks", orgId],
    refetchInterval: CHECK_EVERY_MS,
    queryFn: () => everything<Webhook>(path(orgId)),
  });
}

/** Makes, changes and deletes webhooks. */
export function useWebhookChanges(orgId: string) {
  const queries = useQueryClient();
  const onSuccess = () => queries.invalidateQueries({ queryKey: ["webhooks", orgId] });
  return {
    make: useMutation({
      mutationFn: (webhook: NewWebhook) => request<Webhook & WithSecret>("POST", path(orgId), webhook),
      onSuccess,
    }),
    change: useMutation({
      mutationFn: ({ id, ...changes }: { id: string } & Partial<NewWebhook & { active: boolean }>) =>
        request<Webhook>("PATCH", `${path(orgId)}/${id}`, changes),
      onSuccess,
    }),
    rotate: useMutation({
      mutationFn: (id: string) => request<WithSecret>("POST", `${path(orgId)}/${id}/rotate-secret`),
    }),
    ping: useMutation({
      mutationFn: (id: string) => request<Delivery>("POST", `${path(orgId)}/${id}/ping`),
      onSettled: () => queries.invalidateQueries({ queryKey: ["deliveries", orgId] }),
    }),
    remove: useMutation({
      mutationFn: (id: string) => request<void>("DELETE", `${path(orgId)}/${id}`),
      onSuccess,
    }),
  };
}

/** How often one looks whether a message got through. */
const LOOK_EVERY_MS = 4_000;

const deliveries = (orgId: string, id: string) => `${path(orgId)}/${id}/deliveries`;

/** What an address was told, the latest first. */
export function useDeliveries(orgId: string, id: string) {
  return usePages<Delivery>(["deliveries", orgId, id], deliveries(orgId, id), { limit: 20 }, LOOK_EVERY_MS);
}

/** Sends an event once more. */
export function useRedelivery(orgId: string, id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (delivery: string) => request("POST", `${deliveries(orgId, id)}/${delivery}/redeliver`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["deliveries", orgId, id] }),
  });
}
