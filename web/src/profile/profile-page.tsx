import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { useChangeProfile, useMe } from "../api/me";
import { useOrganizations } from "../api/queries";
import type { User } from "../api/types";
import { followLink, organizationPath } from "../app/router";
import { ORGANIZATION_ROLE_WORDS } from "../members/roles";
import { Bell } from "../notifications/bell";
import { Card } from "../organization/card";
import { AccountMenu } from "../projects/account-menu";
import { AppHeader } from "../ui/app-header";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Field, FormError } from "../ui/field";
import { Loaded } from "../ui/loaded";

/** How others see me, and what I belong to. */
export default function ProfilePage() {
  const me = useMe();
  return (
    <div className="min-h-full">
      <title>Your profile · GlassBox</title>
      <AppHeader title="Your profile">
        <Bell />
        <AccountMenu />
      </AppHeader>
      <main className="mx-auto grid max-w-2xl gap-4 px-6 py-8 max-sm:px-4">
        <h1 className="text-2xl font-semibold tracking-tight">Your profile</h1>
        <Card title="How others see you" hint="At your caret, on what you make, and in histories.">
          <Loaded what="Your profile" query={me}>
            {(user) => <ProfileForm user={user} />}
          </Loaded>
        </Card>
        <Organizations />
      </main>
    </div>
  );
}

function ProfileForm({ user }: { user: User }) {
  const change = useChangeProfile();
  const [name, setName] = useState(user.name);
  const isChanged = name.trim() !== user.name && name.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ name: name.trim() });
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <div className="flex items-center gap-4">
        <Avatar
          person={{ id: user.id, name: name || user.name, color: user.color, kind: "human" }}
          size={56}
        />
        <span className="text-sm text-muted">{user.email}</span>
      </div>
      <Field
        label="Name"
        required
        maxLength={255}
        autoComplete="name"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <FormError>{change.error && messageOf(change.error)}</FormError>
      <div className="flex items-center gap-3">
        <Button type="submit" look="primary" disabled={!isChanged || change.isPending}>
          {change.isPending ? "Saving…" : "Save"}
        </Button>
        <p role="status" className="text-[13px] text-good">
          {change.isSuccess && !isChanged ? "Saved." : ""}
        </p>
      </div>
    </form>
  );
}

function Organizations() {
  const organizations = useOrganizations();
  return (
    <Card title="Your organizations">
      <Loaded what="Your organizations" query={organizations}>
        {(list) =>
          list.length === 0 ? (
            <p className="text-sm text-muted">None yet.</p>
          ) : (
            <ul className="grid">
              {list.map(({ id, name, role }) => (
                <li key={id} className="flex min-h-10 items-center gap-3 border-b border-line last:border-0">
                  <a
                    href={organizationPath(id, "members")}
                    onClick={followLink}
                    className="min-w-0 flex-1 truncate text-sm font-medium hover:underline"
                  >
                    {name}
                  </a>
                  <span className="text-[13px] text-muted">{ORGANIZATION_ROLE_WORDS[role].label}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}
