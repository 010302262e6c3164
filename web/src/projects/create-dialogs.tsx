import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { useCreateOrganization, useCreateProject } from "../api/queries";
import type { Organization } from "../api/types";
import { navigate, projectPath } from "../app/router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";

interface OpenProps {
  open: boolean;
  onClose: () => void;
}

export function CreateOrganizationDialog({ open, onClose }: OpenProps) {
  const create = useCreateOrganization();
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(name.trim(), {
      onSuccess: () => {
        setName("");
        onClose();
      },
    });
  };
  return (
    <Dialog title="New organization" description="You become its owner." open={open} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        <Field
          label="Organization name"
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <FormError>{create.error && messageOf(create.error)}</FormError>
        <Button type="submit" look="primary" disabled={create.isPending || !name.trim()}>
          {create.isPending ? "Creating…" : "Create organization"}
        </Button>
      </form>
    </Dialog>
  );
}

export function CreateProjectDialog({
  open,
  onClose,
  organization,
}: OpenProps & { organization: Organization }) {
  const create = useCreateProject(organization.id);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), description: description.trim() || undefined },
      { onSuccess: (project) => navigate(projectPath(project.id)) },
    );
  };
  return (
    <Dialog title="New project" description={`In ${organization.name}.`} open={open} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        <Field label="Project name" required value={name} onChange={(event) => setName(event.target.value)} />
        <Field
          label="Description"
          value={description}
          onChange={(event) => setDescription(event.target.value)}
        />
        <FormError>{create.error && messageOf(create.error)}</FormError>
        <Button type="submit" look="primary" disabled={create.isPending || !name.trim()}>
          {create.isPending ? "Creating…" : "Create project"}
        </Button>
      </form>
    </Dialog>
  );
}
