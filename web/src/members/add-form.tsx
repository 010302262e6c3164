import { type FormEvent, useState } from "react";
import { Button } from "../ui/button";
import { Field, FormError, SelectField } from "../ui/field";
import type { RoleWords } from "./roles";

interface AddFormProps<Role extends string> {
  words: Record<Role, RoleWords>;
  roles: readonly Role[];
  first: Role;
  isPending: boolean;
  error: string | null;
  /** What became of the last one. */
  done: string | null;
  onAdd: (email: string, role: Role, added: () => void) => void;
}

/** Adds somebody by their address, whether they have signed in before or not. */
export function AddForm<Role extends string>(props: AddFormProps<Role>) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>(props.first);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onAdd(email.trim(), role, () => setEmail(""));
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <div className="grid grid-cols-[1fr_auto] gap-3">
        <Field
          label="Add by e-mail"
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <SelectField label="Role" value={role} onChange={(event) => setRole(event.target.value as Role)}>
          {props.roles.map((value) => (
            <option key={value} value={value}>
              {props.words[value].label}
            </option>
          ))}
        </SelectField>
      </div>
      <p className="text-xs text-muted">{props.words[role].meaning}</p>
      <FormError>{props.error}</FormError>
      <p role="status" className={props.done ? "text-[13px] text-good" : "sr-only"}>
        {props.done}
      </p>
      <Button type="submit" look="primary" disabled={props.isPending || !email.trim()}>
        {props.isPending ? "Adding…" : "Add member"}
      </Button>
    </form>
  );
}
