import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { useDeleteOrganization } from "../api/organizations";
import type { Organization } from "../api/types";
import { navigate } from "../app/router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";
import { Card } from "./card";

/** The end of the organization. */
export function DeletionCard({ organization }: { organization: Organization }) {
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Card title="Delete the organization" hint="With all that it holds, for everybody, and for good.">
      <Button look="danger" className="justify-self-start" onClick={() => setIsAsking(true)}>
        Delete {organization.name}…
      </Button>
      <Dialog title={`Delete ${organization.name}?`} open={isAsking} onClose={() => setIsAsking(false)}>
        <Deleting organization={organization} onClose={() => setIsAsking(false)} />
      </Dialog>
    </Card>
  );
}

/** Begins afresh each time that the dialog opens. */
function Deleting({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const remove = useDeleteOrganization(organization.id);
  const [typed, setTyped] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    remove.mutate(typed.trim(), { onSuccess: () => navigate("/") });
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <p className="text-sm text-pretty">
        Everybody is out at once, whatever they have open. Its projects, with all documents, files and
        histories, and its members, invitations and keys are erased in the minutes that follow. Nothing of it
        can be brought back.
      </p>
      <Field
        label={`To show that you mean it, type ${organization.slug}`}
        required
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <FormError>{remove.error && messageOf(remove.error)}</FormError>
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="danger" disabled={remove.isPending || typed.trim() !== organization.slug}>
          {remove.isPending ? "Deleting…" : "Delete for good"}
        </Button>
      </div>
    </form>
  );
}
