import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { type ApiKey, type Scope, useApiKeyChanges, useApiKeys } from "../api/keys";
import { useMembers } from "../api/members";
import type { Organization, OrganizationRole } from "../api/types";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Field, FormError, SelectField } from "../ui/field";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Notice } from "../ui/notice";
import { Secret } from "../ui/secret";
import { Card } from "./card";

const DAY_MS = 86_400_000;

/** The keys by which programs use the organization. */
export function KeysSection({ organization }: { organization: Organization }) {
  const keys = useApiKeys(organization.id);
  const { revoke } = useApiKeyChanges(organization.id);
  const [isMaking, setIsMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const makeButton = (
    <Button look="primary" onClick={() => setIsMaking(true)}>
      <Icon name="plus" /> New key
    </Button>
  );
  return (
    <Card
      title="Keys"
      hint="A program with a key acts for whoever made it, for as long as they belong here."
      action={makeButton}
    >
      <Loaded what="The keys" query={keys}>
        {(list) =>
          list.length === 0 ? (
            <Notice icon="key" title="No key yet">
              Make one for each program that is to use the API, so that you can revoke it alone.
            </Notice>
          ) : (
            <ul aria-label="API keys" className="grid">
              {list.map((key) => (
                <KeyRow key={key.id} orgId={organization.id} apiKey={key} onRevoke={() => setRevoking(key)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <NewKeyDialog
        orgId={organization.id}
        open={isMaking}
        onClose={() => setIsMaking(false)}
        onMade={(key) => {
          setIsMaking(false);
          setSecret(key);
        }}
      />
      <Secret
        title="Your new key"
        description="Keep it where the program can read it and nobody else. It is not shown again."
        secret={secret}
        onClose={() => setSecret(null)}
      />
      <Confirm
        title={`Revoke ${revoking?.name}?`}
        action="Revoke"
        danger
        open={revoking !== null}
        isPending={revoke.isPending}
        error={revoke.error}
        onClose={() => {
          revoke.reset();
          setRevoking(null);
        }}
        onConfirm={() => {
          if (revoking) revoke.mutate(revoking.id, { onSuccess: () => setRevoking(null) });
        }}
      >
        Programs that use it are refused at once. This cannot be undone.
      </Confirm>
    </Card>
  );
}

function KeyRow({ orgId, apiKey, onRevoke }: { orgId: string; apiKey: ApiKey; onRevoke: () => void }) {
  const members = useMembers<OrganizationRole>({ kind: "orgs", id: orgId });
  const maker = members.data?.find(({ userId }) => userId === apiKey.createdBy)?.name;
  const state = stateOf(apiKey, Date.now());
  return (
    <li className="flex min-h-14 items-center gap-4 border-b border-line py-2 last:border-0">
      <span className="min-w-0 flex-1">
        <span className="flex items-center gap-2">
          <span className={`truncate text-sm font-medium ${state ? "text-muted" : ""}`}>{apiKey.name}</span>
          <code className="rounded bg-sunken px-1.5 text-xs text-muted">{apiKey.hint}…</code>
        </span>
        <span className="block truncate text-xs text-muted">
          {apiKey.scopes.includes("api:write") ? "Reads and writes" : "Reads"} · made{" "}
          {maker ? `by ${maker} ` : ""}
          {timeAgo(apiKey.createdAt, Date.now())} ·{" "}
          {apiKey.lastUsedAt ? `used ${timeAgo(apiKey.lastUsedAt, Date.now())}` : "never used"}
          {apiKey.expiresAt && !state ? ` · ends ${timeAgo(apiKey.expiresAt, Date.now())}` : ""}
        </span>
      </span>
      {state ? (
        <span className="rounded-full bg-quiet-soft px-2 py-0.5 text-[11px] text-quiet">{state}</span>
      ) : (
        <Button look="danger" aria-label={`Revoke ${apiKey.name}`} onClick={onRevoke}>
          Revoke
        </Button>
      )}
    </li>
  );
}

function stateOf({ revokedAt, expiresAt }: ApiKey, nowMs: number): string | null {
  if (revokedAt) return "Revoked";
  return expiresAt && Date.parse(expiresAt) <= nowMs ? "Expired" : null;
}

interface NewKeyProps {
  orgId: string;
  open: boolean;
  onClose: () => void;
  onMade: (key: string) => void;
}

function NewKeyDialog({ orgId, open, onClose, onMade }: NewKeyProps) {
  const { make } = useApiKeyChanges(orgId);
  const [name, setName] = useState("");
  const [access, setAccess] = useState<"read" | "write">("read");
  const [days, setDays] = useState("90");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const scopes: Scope[] = access === "write" ? ["api:read", "api:write"] : ["api:read"];
    const expiresAt = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : undefined;
    make.mutate(
      { name: name.trim(), scopes, expiresAt },
      {
        onSuccess: ({ key }) => {
          setName("");
          onMade(key);
        },
      },
    );
  };
  return (
    <Dialog title="New key" description="It acts for you." open={open} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        <Field
          label="Name"
          required
          maxLength={255}
          hint="What uses it, so that you know it again."
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="grid grid-cols-2 gap-3">
          <SelectField
            label="It may"
            value={access}
            onChange={(event) => setAccess(event.target.value as typeof access)}
          >
            <option value="read">Read</option>
            <option value="write">Read and write</option>
          </SelectField>
          <SelectField label="It ends" value={days} onChange={(event) => setDays(event.target.value)}>
            <option value="7">In 7 days</option>
            <option value="30">In 30 days</option>
            <option value="90">In 90 days</option>
            <option value="365">In a year</option>
            <option value="">Never</option>
          </SelectField>
        </div>
        <FormError>{make.error && messageOf(make.error)}</FormError>
        <Button type="submit" look="primary" disabled={make.isPending || !name.trim()}>
          {make.isPending ? "Making…" : "Make the key"}
        </Button>
      </form>
    </Dialog>
  );
}
