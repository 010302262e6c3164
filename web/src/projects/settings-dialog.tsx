import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { type ProjectChanges, useProjectChanges } from "../api/queries";
import type { LockMode, Project } from "../api/types";
import { navigate } from "../app/router";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Field, FormError, SelectField } from "../ui/field";

interface SettingsDialogProps {
  project: Project | undefined;
  open: boolean;
  onClose: () => void;
}

/** How a project is set up. */
export function SettingsDialog({ project, open, onClose }: SettingsDialogProps) {
  return (
    <Dialog title="Project settings" open={open} onClose={onClose}>
      {project && <Settings key={project.updatedAt} project={project} onClose={onClose} />}
    </Dialog>
  );
}

function Settings({ project, onClose }: { project: Project; onClose: () => void }) {
  const { change } = useProjectChanges(project.orgId);
  const canManage = project.role === "admin";
  const [name, setName] = useState(project.name);
  const [description, setDescription] = useState(project.description ?? "");
  const [states, setStates] = useState(project.workflowStates.join(", "));
  const [lockMode, setLockMode] = useState<LockMode>(project.settings?.lockMode ?? "advisory");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const changes = changesOf(project, { name, description, states, lockMode });
    change.mutate({ id: project.id, ...changes }, { onSuccess: onClose });
  };
  return (
    <>
      <form onSubmit={submit}>
        <fieldset disabled={project.role === "viewer"} className="grid gap-4">
          <Field
            label="Name"
            required
            maxLength={255}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Field
            label="Description"
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
          <Field
            label="States of nodes"
            hint="In the order in which nodes go through them, parted by commas. Nodes keep a state that is removed."
            value={states}
            onChange={(event) => setStates(event.target.value)}
          />
          {canManage && (
            <SelectField
              label="A lock on a node"
              value={lockMode}
              onChange={(event) => setLockMode(event.target.value as LockMode)}
            >
              <option value="advisory">asks the others to leave it alone</option>
              <option value="enforced">keeps the others from editing it</option>
            </SelectField>
          )}
          <FormError>{change.error && messageOf(change.error)}</FormError>
          <Button type="submit" look="primary" disabled={change.isPending || !name.trim()}>
            {change.isPending ? "Saving…" : "Save"}
          </Button>
        </fieldset>
      </form>
      {canManage && <Deleting project={project} />}
    </>
  );
}

interface Form {
  name: string;
  description: string;
  states: string;
  lockMode: LockMode;
}

/** What of a form differs from the project. */
export function changesOf(project: Project, { name, description, states, lockMode }: Form): ProjectChanges {
  const list = states
    .split(",")
    .map((state) => state.trim())
    .filter(Boolean);
  const isSame = list.join("\n") === project.workflowStates.join("\n");
  return {
    ...(name.trim() !== project.name && { name: name.trim() }),
    ...(description.trim() !== (project.description ?? "") && { description: description.trim() || null }),
    ...(!isSame && { workflowStates: list }),
    ...(lockMode !== (project.settings?.lockMode ?? "advisory") && { settings: { lockMode } }),
  };
}

function Deleting({ project }: { project: Project }) {
  const { remove } = useProjectChanges(project.orgId);
  const [isAsking, setIsAsking] = useState(false);
  return (
    <div className="border-t border-line pt-4">
      <Button look="danger" onClick={() => setIsAsking(true)}>
        Move the project to the trash…
      </Button>
      <Confirm
        title={`Move ${project.name} to the trash?`}
        action="Move to the trash"
        danger
        open={isAsking}
        isPending={remove.isPending}
        error={remove.error}
        onClose={() => {
          remove.reset();
          setIsAsking(false);
        }}
        onConfirm={() => remove.mutate(project.id, { onSuccess: () => navigate("/") })}
      >
        It is closed for everybody at once. Nothing in it is lost: it can be restored from the organization's
        trash.
      </Confirm>
    </div>
  );
}
