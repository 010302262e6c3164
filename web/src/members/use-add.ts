import { useState } from "react";
import { ApiError, messageOf } from "../api/http";
import { type Group, type NewInvitation, useInvitationChanges, useMemberChanges } from "../api/members";

/**
 * Adds somebody to a group by their address. An address with which nobody has signed in is invited instead: `invitation`
 * says to what.
 */
export function useAdd<Role extends string>(
  group: Group,
  orgId: string | null,
  invitation: (email: string, role: Role) => NewInvitation,
) {
  const { add } = useMemberChanges<Role>(group);
  const { invite } = useInvitationChanges(orgId ?? "");
  const [done, setDone] = useState<string | null>(null);
  const error = invite.error ?? (isUnknownPerson(add.error) ? null : add.error);
  return {
    isPending: add.isPending || invite.isPending,
    error: error ? messageOf(error) : null,
    done,
    add(email: string, role: Role, added: () => void) {
      setDone(null);
      invite.reset();
      add.mutate(
        { email, role },
        {
          onSuccess: ({ name }) => {
            setDone(`${name} was added.`);
            added();
          },
          onError: (refused) => {
            if (!isUnknownPerson(refused) || orgId === null) return;
            invite.mutate(invitation(email, role), {
              onSuccess: () => {
                setDone(`${email} is invited: it takes effect when they first sign in.`);
                added();
              },
            });
          },
        },
      );
    },
  };
}

function isUnknownPerson(error: unknown): boolean {
  return error instanceof ApiError && error.code === "USER_NOT_FOUND";
}
