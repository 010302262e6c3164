import { type FormEvent, useId, useState } from "react";
import { fieldMessageOf, messageOf } from "../api/http";
import { useWebhookChanges, type Webhook } from "../api/webhooks";
import { humanize } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FieldError, FormError } from "../ui/field";
import { changesOf, formOf, toggled, typesFor, webhookOf } from "./webhook-form";

interface WebhookDialogProps {
  orgId: string;
  /** The webhook to change; null: the dialog is closed. */
  webhook: Webhook | "new" | null;
  onClose: () => void;
  onMade: (secret: string) => void;
}

/** Makes or changes a webhook. */
export function WebhookDialog({ orgId, webhook, onClose, onMade }: WebhookDialogProps) {
  return (
    <Dialog
      title={webhook === "new" || webhook === null ? "New webhook" : "Edit the webhook"}
      open={webhook !== null}
      onClose={onClose}
    >
      {webhook && (
        <Form
          orgId={orgId}
          webhook={webhook === "new" ? null : webhook}
          onChanged={onClose}
          onMade={onMade}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  orgId: string;
  webhook: Webhook | null;
  onChanged: () => void;
  onMade: (secret: string) => void;
}

/** The fields that say themselves what the server has against them. */
const FIELDS = ["url", "description", "events"];

/** Begins afresh each time that the dialog opens. */
function Form({ orgId, webhook, onChanged, onMade }: FormProps) {
  const { make, change } = useWebhookChanges(orgId);
  const [form, setForm] = useState(() => formOf(webhook));
  const saving = webhook ? change : make;
  const [action, pending] = webhook ? ["Save", "Saving…"] : ["Make the webhook", "Making…"];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!webhook) {
      make.mutate(webhookOf(form), { onSuccess: ({ secret }) => onMade(secret) });
      return;
    }
    const changes = changesOf(form, webhook);
    if (Object.keys(changes).length === 0) onChanged();
    else change.mutate({ id: webhook.id, ...changes }, { onSuccess: onChanged });
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field
        label="Address"
        type="url"
        required
        maxLength={2000}
        placeholder="https://example.com/glassbox"
        error={fieldMessageOf(saving.error, "url")}
        value={form.url}
        onChange={(event) => setForm({ ...form, url: event.target.value })}
      />
      <Field
        label="What it is for"
        maxLength={500}
        error={fieldMessageOf(saving.error, "description")}
        value={form.description}
        onChange={(event) => setForm({ ...form, description: event.target.value })}
      />
      <EventTypes
        offered={typesFor(webhook)}
        chosen={form.events}
        error={fieldMessageOf(saving.error, "events")}
        onToggle={(type) => setForm({ ...form, events: toggled(form.events, type) })}
      />
      <FormError>{saving.error && messageOf(saving.error, FIELDS)}</FormError>
      <Button type="submit" look="primary" disabled={saving.isPending || !form.url.trim()}>
        {saving.isPending ? pending : action}
      </Button>
    </form>
  );
}

interface EventTypesProps {
  offered: readonly string[];
  chosen: readonly string[];
  error: string;
  onToggle: (type: string) => void;
}

function EventTypes({ offered, chosen, error, onToggle }: EventTypesProps) {
  const id = useId();
  return (
    <fieldset className="grid gap-2" aria-describedby={error ? id : undefined}>
      <legend className="mb-1 text-[13px] font-medium">
        Events <span className="font-normal text-muted">(none chosen: all but moves)</span>
      </legend>
      <div className="grid grid-cols-2 gap-x-4 gap-y-1.5">
        {offered.map((type) => (
          <label key={type} className="flex items-center gap-2 text-[13px]">
            <input type="checkbox" checked={chosen.includes(type)} onChange={() => onToggle(type)} />
            {humanize(type)}
          </label>
        ))}
      </div>
      <FieldError id={id}>{error}</FieldError>
    </fieldset>
  );
}
