import { type FormEvent, useState } from "react";
import { ApiError, messageOf } from "../api/http";
import { useAddProjectMember, useProjectMembers } from "../api/queries";
import type { ProjectRole } from "../api/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError, SelectField } from "../ui/field";

interface MembersDialogProps {
  projectId: string;
  open: boolean;
  onClose: () => void;
  canManage: boolean;
}

const ROLES: Record<ProjectRole, string> = {
  member: "Can edit",
  viewer: "Can view",
  admin: "Can manage",
};

/** Who may open the project, and a way to add somebody. */
export function MembersDialog({ projectId, open, onClose, canManage }: MembersDialogProps) {
  return (
    <Dialog
      title="Project members"
      description="Owners and admins of the organization can always manage it."
      open={open}
      onClose={onClose}
    >
      <MemberList projectId={projectId} />
      {canManage && <AddMember projectId={projectId} />}
    </Dialog>
  );
}

function MemberList({ projectId }: { projectId: string }) {
  const members = useProjectMembers(projectId);
  if (members.isError) return <FormError>{messageOf(members.error)}</FormError>;
  if (!members.data) return <p className="text-sm text-muted">Loading the members…</p>;
  if (members.data.length === 0) {
    return (
      <p className="text-sm text-muted">Nobody was added by name: the organization's members have access.</p>
    );
  }
  return (
    <ul aria-label="Members" className="grid gap-1">
      {members.data.map((member) => (
        <li key={member.userId} className="flex items-center justify-between gap-4 py-1">
          <span className="min-w-0">
            <span className="block truncate text-sm font-medium">{member.name}</span>
            <span className="block truncate text-xs text-muted">{member.email}</span>
          </span>
          <span className="text-[13px] text-muted">{ROLES[member.role]}</span>
        </li>
      ))}
    </ul>
  );
}

function AddMember({ projectId }: { projectId: string }) {
  const add = useAddProjectMember(projectId);
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<ProjectRole>("member");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ email: email.trim(), role }, { onSuccess: () => setEmail("") });
  };
  return (
    <form onSubmit={submit} className="grid gap-3 border-t border-line pt-4">
      <div className="grid grid-cols-[1fr_auto] gap-3">
        <Field
          label="Add by e-mail"
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <SelectField
          label="Role"
          value={role}
          onChange={(event) => setRole(event.target.value as ProjectRole)}
        >
          {Object.entries(ROLES).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
      </div>
      <FormError>{add.error && addMessage(add.error, email)}</FormError>
      <Button type="submit" look="primary" disabled={add.isPending || !email.trim()}>
        {add.isPending ? "Adding…" : "Add member"}
      </Button>
    </form>
  );
}

function addMessage(error: unknown, email: string): string {
  if (error instanceof ApiError && error.code === "USER_NOT_FOUND") {
    return `Nobody has signed in as ${email} yet. Ask them to sign in once, then add them.`;
  }
  return messageOf(error);
}
