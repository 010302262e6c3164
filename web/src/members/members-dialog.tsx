import { type Group, useInvitations } from "../api/members";
import { useOrganization } from "../api/queries";
import { useSession } from "../api/session";
import { PROJECT_ROLES, type Project, type ProjectRole } from "../api/types";
import { Dialog } from "../ui/dialog";
import { AddForm } from "./add-form";
import { Invitations } from "./invitations";
import { MemberList } from "./member-list";
import { PROJECT_ROLE_WORDS } from "./roles";
import { useAdd } from "./use-add";

interface MembersDialogProps {
  project: Project | undefined;
  open: boolean;
  onClose: () => void;
}

/** Who may open the project, and a way to change it. */
export function MembersDialog({ project, open, onClose }: MembersDialogProps) {
  return (
    <Dialog
      title="Project members"
      description="Members of the organization have access by their role there; owners and admins can always manage it."
      open={open}
      onClose={onClose}
    >
      {project && <Members project={project} />}
    </Dialog>
  );
}

function Members({ project }: { project: Project }) {
  const group: Group = { kind: "projects", id: project.id };
  const canManage = project.role === "admin";
  const me = useSession()?.user.id;
  return (
    <>
      <MemberList<ProjectRole>
        group={group}
        groupName={project.name}
        words={PROJECT_ROLE_WORDS}
        rolesFor={() => (canManage ? PROJECT_ROLES : [])}
        canRemove={({ userId }) => canManage || userId === me}
        empty="Nobody was added by name: the organization's members have access."
      />
      {canManage && <Add project={project} group={group} />}
    </>
  );
}

function Add({ project, group }: { project: Project; group: Group }) {
  const role = useOrganization(project.orgId).data?.role;
  const canInvite = role === "owner" || role === "admin";
  const pending = useInvitations(project.orgId, canInvite);
  const adding = useAdd<ProjectRole>(group, project.orgId, (email, projectRole) => ({
    email,
    role: "guest",
    projectId: project.id,
    projectRole,
  }));
  const hasPending = pending.data?.some(({ projectId }) => projectId === project.id) ?? false;
  return (
    <div className="grid gap-4 border-t border-line pt-4">
      <AddForm<ProjectRole>
        words={PROJECT_ROLE_WORDS}
        roles={PROJECT_ROLES}
        first="member"
        isPending={adding.isPending}
        error={adding.error}
        done={adding.done}
        onAdd={adding.add}
      />
      {hasPending && (
        <section className="grid gap-1">
          <h3 className="text-[13px] font-semibold text-muted">Invited</h3>
          <Invitations orgId={project.orgId} projectId={project.id} />
        </section>
      )}
    </div>
  );
}
