import { useMutation, useQuery } from "@tanstack/react-query";
import { request } from "./http";
import { signIn } from "./queries";
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
    mutationFn: async (changes: ProfileChanges) => {
      const user = await request<User>("PATCH", "/users/me", changes);
      return { user, token: await developmentToken(user) };
    },
    onSuccess: ({ user, token }) => {
      const now = session.get();
      if (now) session.start({ token: token ?? now.token, user: { ...now.user, ...user } });
    },
  });
}

/** A token that knows the name by now: one for development says who one was when it was made. Null where there is none. */
async function developmentToken({ id, email }: User): Promise<string | null> {
  const renewed = await signIn(email, "").catch(() => null);
  return renewed?.user.id === id ? renewed.token : null;
}
