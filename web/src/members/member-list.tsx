import { useState } from "react";
import { messageOf } from "../api/http";
import { type Group, useMemberChanges, useMembers } from "../api/members";
import { useSession } from "../api/session";
import type { Member } from "../api/types";
import { initials } from "../lib/text";
import { IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Loaded } from "../ui/loaded";
import { useSay } from "../ui/toast";
import type { RoleWords } from "./roles";

interface MemberListProps<Role extends string> {
  group: Group;
  /** What it is called, where somebody is taken out of it. */
  groupName: string;
  words: Record<Role, RoleWords>;
  /** Whether I may change this member, and into what. */
  rolesFor: (member: Member<Role>) => readonly Role[];
  canRemove: (member: Member<Role>) => boolean;
  empty: string;
}

/** Those who belong to something, what they may do, and a way to change it. */
export function MemberList<Role extends string>(props: MemberListProps<Role>) {
  const members = useMembers<Role>(props.group);
  const { setRole, remove } = useMemberChanges<Role>(props.group);
  const [removing, setRemoving] = useState<Member<Role> | null>(null);
  const say = useSay();
  const me = useSession()?.user.id;
  const leaves = removing?.userId === me;
  return (
    <Loaded what="The members" query={members}>
      {(list) => (
        <>
          {list.length === 0 && <p className="text-sm text-muted">{props.empty}</p>}
          <ul aria-label="Members" className="grid">
            {list.map((member) => (
              <MemberRow
                key={member.userId}
                member={member}
                isMe={member.userId === me}
                words={props.words}
                roles={props.rolesFor(member)}
                isPending={setRole.isPending && setRole.variables?.userId === member.userId}
                onRole={(role) =>
                  setRole.mutate(
                    { userId: member.userId, role },
                    { onError: (error) => say(`${member.name} keeps their role. ${messageOf(error)}`) },
                  )
                }
                onRemove={props.canRemove(member) ? () => setRemoving(member) : null}
              />
            ))}
          </ul>
          <Confirm
            title={leaves ? `Leave ${props.groupName}?` : `Remove ${removing?.name} from ${props.groupName}?`}
            action={leaves ? "Leave" : "Remove"}
            danger
            open={removing !== null}
            isPending={remove.isPending}
            error={remove.error}
            onClose={() => {
              remove.reset();
              setRemoving(null);
            }}
            onConfirm={() => {
              if (removing) remove.mutate(removing.userId, { onSuccess: () => setRemoving(null) });
            }}
          >
            {leaves
              ? "What is open is closed at once. Somebody has to add you to come back."
              : "What they have open is closed at once. What they wrote stays, with their name."}
          </Confirm>
        </>
      )}
    </Loaded>
  );
}

interface MemberRowProps<Role extends string> {
  member: Member<Role>;
  isMe: boolean;
  words: Record<Role, RoleWords>;
  roles: readonly Role[];
  isPending: boolean;
  onRole: (role: Role) => void;
  onRemove: (() => void) | null;
}

function MemberRow<Role extends string>(props: MemberRowProps<Role>) {
  const { member, words, roles } = props;
  return (
    <li className="flex min-h-12 items-center gap-3 border-b border-line py-1.5 last:border-0">
      <span
        aria-hidden
        className="grid size-8 shrink-0 place-items-center rounded-full bg-sunken text-xs font-semibold text-muted"
      >
        {initials(member.name)}
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">
          {member.name}
          {props.isMe && <span className="font-normal text-muted"> (you)</span>}
        </span>
        <span className="block truncate text-xs text-muted">{member.email}</span>
      </span>
      {roles.length > 0 ? (
        <select
          aria-label={`Role of ${member.name}`}
          value={member.role}
          disabled={props.isPending}
          onChange={(event) => props.onRole(event.target.value as Role)}
          className="h-8 rounded-lg border border-line bg-raised px-2 text-[13px] disabled:opacity-60"
        >
          {[...new Set([member.role, ...roles])].map((role) => (
            <option key={role} value={role}>
              {words[role].label}
            </option>
          ))}
        </select>
      ) : (
        <span className="text-[13px] text-muted">{words[member.role].label}</span>
      )}
      {props.onRemove ? (
        <IconButton
          icon="close"
          label={props.isMe ? "Leave" : `Remove ${member.name}`}
          onClick={props.onRemove}
        />
      ) : (
        <span className="w-8 shrink-0" />
      )}
    </li>
  );
}
