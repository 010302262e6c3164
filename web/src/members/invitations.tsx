import { messageOf } from "../api/http";
import { useInvitationChanges, useInvitations } from "../api/members";
import type { Invitation } from "../api/types";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Loaded } from "../ui/loaded";
import { useSay } from "../ui/toast";
import { ORGANIZATION_ROLE_WORDS, PROJECT_ROLE_WORDS } from "./roles";

interface InvitationsProps {
  orgId: string;
  /** Only those to this project. */
  projectId?: string;
}

/** Addresses that were invited and with which nobody has signed in yet. */
export function Invitations({ orgId, projectId }: InvitationsProps) {
  const invitations = useInvitations(orgId, true);
  const { revoke } = useInvitationChanges(orgId);
  const say = useSay();
  return (
    <Loaded what="The invitations" query={invitations} lines={1}>
      {(all) => {
        const shown = projectId ? all.filter((invitation) => invitation.projectId === projectId) : all;
        if (shown.length === 0) return projectId ? null : <p className="text-sm text-muted">None.</p>;
        return (
          <ul aria-label="Pending invitations" className="grid">
            {shown.map((invitation) => (
              <li
                key={invitation.id}
                className="flex min-h-12 items-center gap-3 border-b border-line py-1.5 last:border-0"
              >
                <span className="min-w-0 flex-1">
                  <span className="block truncate text-sm">{invitation.email}</span>
                  <span className="block truncate text-xs text-muted">
                    {wordsOf(invitation)} · invited {timeAgo(invitation.createdAt, Date.now())} · ends{" "}
                    {timeAgo(invitation.expiresAt, Date.now())}
                  </span>
                </span>
                <Button
                  look="quiet"
                  aria-label={`Take back the invitation of ${invitation.email}`}
                  disabled={revoke.isPending && revoke.variables === invitation.id}
                  onClick={() => revoke.mutate(invitation.id, { onError: (error) => say(messageOf(error)) })}
                >
                  Take back
                </Button>
              </li>
            ))}
          </ul>
        );
      }}
    </Loaded>
  );
}

function wordsOf({ role, projectRole }: Invitation): string {
  const organization = ORGANIZATION_ROLE_WORDS[role].label;
  return projectRole
    ? `${organization}, ${PROJECT_ROLE_WORDS[projectRole].label.toLowerCase()} a project`
    : organization;
}
