import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./http";
import { usePages } from "./pages";

/** Something that somebody is told. */
export interface Notification {
  id: string;
  organizationId: string;
  type: string;
  title: string;
  body: string | null;
  projectId: string | null;
  /** What it is about: `node`; there may be others. */
  resourceType: string | null;
  resourceId: string | null;
  readAt: string | null;
  createdAt: string;
}

/** The key of all that is fetched of them. */
export const NOTIFICATIONS = ["notifications"];
const LIST = [...NOTIFICATIONS, "list"];
const COUNT = [...NOTIFICATIONS, "unread"];
/** How often it is asked whether there is news, while nobody says so. */
const ASK_EVERY_MS = 30_000;

/** How many I have not read. `isLive`: it is told when that changes. */
export function useUnreadCount(isLive: boolean): number {
  const count = useQuery({
    queryKey: COUNT,
    refetchInterval: isLive ? false : ASK_EVERY_MS,
    refetchOnWindowFocus: true,
    queryFn: () => request<{ unread: number }>("GET", "/users/me/notifications/unread-count"),
  });
  return count.data?.unread ?? 0;
}

/** What I was told, the latest first. */
export function useNotifications() {
  return usePages<Notification>(LIST, "/users/me/notifications", { limit: 20 });
}

/** Marks what I was told as read. */
export function useReading() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: NOTIFICATIONS });
  return {
    read: useMutation({
      mutationFn: (id: string) => request("PATCH", `/users/me/notifications/${id}`, { read: true }),
      onSettled,
    }),
    readAll: useMutation({
      mutationFn: () => request("POST", "/users/me/notifications/read-all"),
      onSettled,
    }),
  };
}
