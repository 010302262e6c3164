import type { Group } from "../api/members";
import { useSession } from "../api/session";
import { type Member, ORGANIZATION_ROLES, type Organization, type OrganizationRole } from "../api/types";
import { AddForm } from "../members/add-form";
import { Invitations } from "../members/invitations";
import { MemberList } from "../members/member-list";
import { ORGANIZATION_ROLE_WORDS } from "../members/roles";
import { useAdd } from "../members/use-add";
import { Card } from "./card";

const GIVEN_ROLES = ["member", "admin", "guest"] as const;

/** Who belongs to the organization. */
export function MembersSection({ organization }: { organization: Organization }) {
  const group: Group = { kind: "orgs", id: organization.id };
  const me = useSession()?.user.id;
  const isOwner = organization.role === "owner";
  const canManage = isOwner || organization.role === "admin";
  const mayChange = ({ role }: Member<OrganizationRole>) => canManage && (isOwner || role !== "owner");
  return (
    <>
      <Card title="Members" hint="A change is felt at once, in every window that they have open.">
        <MemberList<OrganizationRole>
          group={group}
          groupName={organization.name}
          words={ORGANIZATION_ROLE_WORDS}
          rolesFor={(member) => (mayChange(member) ? (isOwner ? ORGANIZATION_ROLES : GIVEN_ROLES) : [])}
          canRemove={(member) => member.userId === me || mayChange(member)}
          empty="Nobody belongs to it."
        />
      </Card>
      {canManage && <Adding organization={organization} group={group} />}
    </>
  );
}

function Adding({ organization, group }: { organization: Organization; group: Group }) {
  const adding = useAdd<(typeof GIVEN_ROLES)[number]>(group, organization.id, (email, role) => ({
    email,
    role,
  }));
  return (
    <>
      <Card
        title="Add somebody"
        hint="Somebody who has never signed in is invited, and belongs to it once they do."
      >
        <AddForm
          words={ORGANIZATION_ROLE_WORDS}
          roles={GIVEN_ROLES}
          first="member"
          isPending={adding.isPending}
          error={adding.error}
          done={adding.done}
          onAdd={adding.add}
        />
      </Card>
      <Card title="Pending invitations">
        <Invitations orgId={organization.id} />
      </Card>
    </>
  );
}
