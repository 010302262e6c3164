import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { type Model, useModelChanges } from "../api/models";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";
import { formOf, type ModelForm, modelOf } from "./model-form";

interface ModelDialogProps {
  orgId: string;
  /** The model to change; null: the dialog is closed. */
  model: Model | "new" | null;
  others: readonly Model[];
  onClose: () => void;
}

/** Adds or changes a model. */
export function ModelDialog({ orgId, model, others, onClose }: ModelDialogProps) {
  return (
    <Dialog
      title={model === "new" || model === null ? "New model" : `Edit ${model.name}`}
      open={model !== null}
      onClose={onClose}
    >
      {model && (
        <Form
          orgId={orgId}
          model={model === "new" ? null : model}
          others={others.filter((other) => other !== model).map(({ name }) => name)}
          onDone={onClose}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  orgId: string;
  model: Model | null;
  others: readonly string[];
  onDone: () => void;
}

function Form({ orgId, model, others, onDone }: FormProps) {
  const { add, change } = useModelChanges(orgId);
  const [form, setForm] = useState(() => formOf(model));
  const saving = model ? change : add;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (model?.id) change.mutate({ id: model.id, ...modelOf(form) }, { onSuccess: onDone });
    else add.mutate(modelOf(form), { onSuccess: onDone });
  };
  const bind = (key: keyof ModelForm) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) => setForm({ ...form, [key]: event.target.value }),
  });
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Name" required maxLength={200} hint="As it is chosen by, here." {...bind("name")} />
      <Field label="Address" type="url" required maxLength={2000} {...bind("baseUrl")} />
      <Field
        label="The provider's name for it"
        required
        maxLength={200}
        placeholder="gpt-5-mini"
        {...bind("model")}
      />
      <Field
        label="Name of its key"
        maxLength={64}
        pattern="[a-z0-9-]*"
        title="Lower-case letters, digits and hyphens"
        hint="Under this name the server's operator keeps the key for the organization. The key itself is never entered here."
        {...bind("keyName")}
      />
      <div className="grid grid-cols-2 gap-3">
        <Field
          label="$ per million read"
          type="number"
          min={0}
          step="any"
          placeholder="unknown"
          {...bind("usdPerMillionIn")}
        />
        <Field
          label="$ per million written"
          type="number"
          min={0}
          step="any"
          placeholder="unknown"
          {...bind("usdPerMillionOut")}
        />
        <Field label="Reads, in tokens" type="number" required min={1} {...bind("contextTokens")} />
        <Field label="Writes, in tokens" type="number" required min={1} {...bind("outputTokens")} />
      </div>
      <Field
        label="Instead, when it does not answer"
        hint={
          others.length > 0
            ? `Names of models, in order, parted by commas: ${others.join(", ")}.`
            : "Names of models, in order, parted by commas."
        }
        {...bind("fallbacks")}
      />
      <div className="sticky -bottom-6 -mx-6 -mb-6 grid gap-3 bg-raised px-6 pt-2 pb-6">
        <FormError>{saving.error && messageOf(saving.error)}</FormError>
        <Button type="submit" look="primary" disabled={saving.isPending}>
          {saving.isPending ? "Saving…" : model ? "Save" : "Add the model"}
        </Button>
      </div>
    </form>
  );
}
