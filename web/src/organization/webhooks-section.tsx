import { useState } from "react";
import { messageOf } from "../api/http";
import type { Organization } from "../api/types";
import { useWebhookChanges, useWebhooks, type Webhook } from "../api/webhooks";
import { duration, humanize } from "../lib/text";
import { Button, IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Menu } from "../ui/menu";
import { Notice } from "../ui/notice";
import { Secret } from "../ui/secret";
import { useSay } from "../ui/toast";
import { Card } from "./card";
import { Deliveries } from "./deliveries";
import { WebhookDialog } from "./webhook-dialog";

/** The addresses that are told what happens. */
export function WebhooksSection({ organization }: { organization: Organization }) {
  const webhooks = useWebhooks(organization.id);
  const { remove } = useWebhookChanges(organization.id);
  const [editing, setEditing] = useState<Webhook | "new" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Webhook | null>(null);
  return (
    <Card
      title="Webhooks"
      hint="An address is sent each event as it happens, signed as Standard Webhooks has it, and again until it answers."
      action={
        <Button look="primary" onClick={() => setEditing("new")}>
          <Icon name="plus" /> New webhook
        </Button>
      }
    >
      <Loaded what="The webhooks" query={webhooks}>
        {(list) =>
          list.length === 0 ? (
            <Notice icon="webhook" title="No webhook yet">
              Tell another system what happens here, without it asking all the time.
            </Notice>
          ) : (
            <ul aria-label="Webhooks" className="grid">
              {list.map((webhook) => (
                <Row
                  key={webhook.id}
                  orgId={organization.id}
                  webhook={webhook}
                  onEdit={() => setEditing(webhook)}
                  onRemove={() => setRemoving(webhook)}
                  onSecret={setSecret}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      <WebhookDialog
        orgId={organization.id}
        webhook={editing}
        onClose={() => setEditing(null)}
        onMade={(made) => {
          setEditing(null);
          setSecret(made);
        }}
      />
      <Secret
        title="Its signing secret"
        description="With it the receiver checks that a message is from here. It is not shown again; one that it takes the place of still signs for a day."
        secret={secret}
        onClose={() => setSecret(null)}
      />
      <Confirm
        title="Delete this webhook?"
        action="Delete"
        danger
        open={removing !== null}
        isPending={remove.isPending}
        error={remove.error}
        onClose={() => {
          remove.reset();
          setRemoving(null);
        }}
        onConfirm={() => {
          if (removing) remove.mutate(removing.id, { onSuccess: () => setRemoving(null) });
        }}
      >
        <span className="break-all">{removing?.url}</span> is not told anything any more, and what it was told
        is forgotten.
      </Confirm>
    </Card>
  );
}

interface RowProps {
  orgId: string;
  webhook: Webhook;
  onEdit: () => void;
  onRemove: () => void;
  onSecret: (secret: string) => void;
}

function Row({ orgId, webhook, onEdit, onRemove, onSecret }: RowProps) {
  const { change, ping, rotate } = useWebhookChanges(orgId);
  const [isOpen, setIsOpen] = useState(false);
  const say = useSay();
  const onError = (error: unknown) => say(messageOf(error));
  return (
    <li className="grid gap-2 border-b border-line py-2 last:border-0">
      <div className="flex min-h-10 items-center gap-3">
        <span className="min-w-0 flex-1">
          <span className={`block truncate text-sm font-medium ${webhook.active ? "" : "text-muted"}`}>
            {webhook.url}
          </span>
          <span className="block truncate text-xs text-muted">{aboutWords(webhook)}</span>
        </span>
        <State webhook={webhook} />
        <Button aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          Deliveries
        </Button>
        <Menu
          trigger={<IconButton icon="more" label={`Actions for ${webhook.url}`} />}
          items={[
            { label: "Edit…", icon: "settings", onSelect: onEdit },
            {
              label: "Send a test",
              icon: "webhook",
              onSelect: () => ping.mutate(webhook.id, { onSuccess: () => setIsOpen(true), onError }),
            },
            {
              label: "New secret",
              icon: "key",
              onSelect: () =>
                rotate.mutate(webhook.id, { onSuccess: ({ secret }) => onSecret(secret), onError }),
            },
            {
              label: webhook.active ? "Pause" : "Go on",
              icon: webhook.active ? "lock" : "check",
              onSelect: () => change.mutate({ id: webhook.id, active: !webhook.active }, { onError }),
            },
            { label: "Delete…", icon: "trash", danger: true, onSelect: onRemove },
          ]}
        />
      </div>
      {webhook.disabledReason && (
        <p className="text-[13px] text-danger">
          The server has paused it: {webhook.disabledReason}. Put the receiver right, then let it go on.
        </p>
      )}
      {isOpen && <Deliveries orgId={orgId} webhookId={webhook.id} />}
    </li>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  const words = webhook.active
    ? webhook.failingSince && `Failing for ${duration(Date.now() - Date.parse(webhook.failingSince))}`
    : "Paused";
  if (!words) return null;
  return (
    <span className="shrink-0 rounded-full bg-warn-soft px-2 py-0.5 text-[11px] text-warn">{words}</span>
  );
}

function aboutWords({ description, events }: Webhook): string {
  const types = events.length === 0 ? "All events but moves" : events.map(humanize).join(", ");
  return description ? `${description} · ${types}` : types;
}
