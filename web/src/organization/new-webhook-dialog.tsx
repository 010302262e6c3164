import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { useWebhookChanges } from "../api/webhooks";
import { humanize } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";

/** What is most asked for; with none chosen, all types are told. */
const EVENT_TYPES = [
  "node_created",
  "node_updated",
  "node_deleted",
  "node_restored",
  "lock_acquired",
  "lock_released",
  "version_created",
  "file_uploaded",
  "file_deleted",
  "project_created",
  "member_updated",
  "member_removed",
] as const;

interface FormProps {
  orgId: string;
  onMade: (secret: string) => void;
}

interface NewWebhookProps extends FormProps {
  open: boolean;
  onClose: () => void;
}

export function NewWebhookDialog({ open, onClose, ...form }: NewWebhookProps) {
  return (
    <Dialog title="New webhook" open={open} onClose={onClose}>
      <NewWebhookForm {...form} />
    </Dialog>
  );
}

/** Begins afresh each time that the dialog opens. */
function NewWebhookForm({ orgId, onMade }: FormProps) {
  const { make } = useWebhookChanges(orgId);
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [types, setTypes] = useState<ReadonlySet<string>>(new Set());
  const toggle = (type: string) => {
    const next = new Set(types);
    if (!next.delete(type)) next.add(type);
    setTypes(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(
      { url: url.trim(), description: description.trim(), events: [...types] },
      { onSuccess: ({ secret }) => onMade(secret) },
    );
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field
        label="Address"
        type="url"
        required
        placeholder="https://example.com/glassbox"
        value={url}
        onChange={(event) => setUrl(event.target.value)}
      />
      <Field
        label="What it is for"
        maxLength={500}
        value={description}
        onChange={(event) => setDescription(event.target.value)}
      />
      <fieldset className="grid gap-2">
        <legend className="mb-1 text-[13px] font-medium">
          Events <span className="font-normal text-muted">(none chosen: all but moves)</span>
        </legend>
        <div className="grid grid-cols-2 gap-x-4 gap-y-1.5">
          {EVENT_TYPES.map((type) => (
            <label key={type} className="flex items-center gap-2 text-[13px]">
              <input type="checkbox" checked={types.has(type)} onChange={() => toggle(type)} />
              {humanize(type)}
            </label>
          ))}
        </div>
      </fieldset>
      <FormError>{make.error && messageOf(make.error)}</FormError>
      <Button type="submit" look="primary" disabled={make.isPending || !url.trim()}>
        {make.isPending ? "Making…" : "Make the webhook"}
      </Button>
    </form>
  );
}
