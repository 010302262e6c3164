import { useMutation, useQuery } from "@tanstack/react-query";
import { request } from "./http";
import { session } from "./session";
import type { User } from "./types";

/** Who I am, as the server knows me. */
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => request<User>("GET", "/users/me") });
}

/** What of me can be changed; `null` takes it away. */
export interface ProfileChanges {
  name?: string;
  avatarUrl?: string | null;
}

export function useChangeProfile() {
  return useMutation({
    mutationFn: (changes: ProfileChanges) => request<User>("PATCH", "/users/me", changes),
    onSuccess: (user) => {
      const now = session.get();
      if (now) session.rename({ ...now.user, ...user });
    },
  });
}
