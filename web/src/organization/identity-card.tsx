import { type FormEvent, useState } from "react";
import { fieldMessageOf } from "../api/http";
import { useChangeOrganization } from "../api/organizations";
import type { Organization } from "../api/types";
import { Field } from "../ui/field";
import { Card } from "./card";
import { SaveRow } from "./save-row";
import { identityChanges } from "./settings-form";

const FIELDS = ["name", "slug"];

/** What the organization is called. */
export function IdentityCard({ organization }: { organization: Organization }) {
  const change = useChangeOrganization(organization.id);
  // Only what was typed here: what others change meanwhile is shown, and stays.
  const [typed, setTyped] = useState<{ name?: string; slug?: string }>({});
  const changes = identityChanges(organization, typed);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(changes, { onSuccess: () => setTyped({}) });
  };
  return (
    <Card title="Name">
      <form onSubmit={submit} className="grid gap-4">
        <Field
          label="Name"
          required
          maxLength={255}
          error={fieldMessageOf(change.error, "name")}
          value={typed.name ?? organization.name}
          onChange={(event) => setTyped({ ...typed, name: event.target.value })}
        />
        <Field
          label="Slug"
          required
          maxLength={100}
          spellCheck={false}
          autoCapitalize="none"
          hint="Its name for programs: small letters, digits and hyphens. What uses the old one does not find it any more."
          error={fieldMessageOf(change.error, "slug")}
          value={typed.slug ?? organization.slug}
          onChange={(event) => setTyped({ ...typed, slug: event.target.value })}
        />
        <SaveRow change={change} isChanged={Object.keys(changes).length > 0} fields={FIELDS} />
      </form>
    </Card>
  );
}
