import { type FormEvent, useState } from "react";
import { fieldMessageOf, messageOf } from "../api/http";
import { useMakeTemplate } from "../api/templates";
import { useCanvasScope } from "../canvas/canvas-context";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { AreaField, Field, FormError } from "../ui/field";

interface MakeTemplateDialogProps {
  /** The organization that the template is for; undefined: not known yet. */
  orgId: string | undefined;
  open: boolean;
  onClose: () => void;
}

/** Makes a template of the nodes that are selected. */
export function MakeTemplateDialog({ orgId, open, onClose }: MakeTemplateDialogProps) {
  return (
    <Dialog
      title="Make a template of these"
      description="Everybody in the organization but its guests can begin with it. States, assignees and due dates are left out."
      open={open}
      onClose={onClose}
    >
      {orgId && <Making orgId={orgId} onDone={onClose} />}
    </Dialog>
  );
}

/** The fields that say themselves what the server has against them. */
const FIELDS = ["name"];

/** Begins afresh each time that the dialog opens. */
function Making({ orgId, onDone }: { orgId: string; onDone: () => void }) {
  const { projectId, flow, canvas } = useCanvasScope();
  const make = useMakeTemplate(orgId);
  // What was selected when one asked; whatever is deleted meanwhile is the server's to say.
  const [nodeIds] = useState(() => [...flow.selection.get().nodes].filter((id) => canvas.node(id) !== null));
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(
      { name: name.trim(), description: description.trim(), fromNodes: { projectId, nodeIds } },
      { onSuccess: onDone },
    );
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <p className="text-sm text-pretty">
        {plural(nodeIds.length, "node")}, with what is written in {nodeIds.length === 1 ? "it" : "them"}, the
        inputs and outputs, and the edges between.
      </p>
      <Field
        label="Name"
        required
        maxLength={255}
        placeholder="Research brief"
        error={fieldMessageOf(make.error, "name")}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <AreaField
        label="What it is for"
        maxLength={10_000}
        value={description}
        onChange={(event) => setDescription(event.target.value)}
      />
      <FormError>{make.error && messageOf(make.error, FIELDS)}</FormError>
      <Button type="submit" look="primary" disabled={make.isPending || !name.trim()}>
        {make.isPending ? "Making…" : "Make the template"}
      </Button>
    </form>
  );
}
