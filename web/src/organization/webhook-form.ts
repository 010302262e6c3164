import type { NewWebhook, Webhook } from "../api/webhooks";

/** What is most asked for; with none chosen, all types are told. */
const EVENT_TYPES: readonly string[] = [
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
];

/** The form for a webhook, or for a new one. */
export function formOf(webhook: Webhook | null): NewWebhook {
  if (!webhook) return { url: "", description: "", events: [] };
  return { url: webhook.url, description: webhook.description, events: webhook.events };
}

/** The types that are offered: what a program has chosen besides is kept unless it is taken back. */
export function typesFor(webhook: Webhook | null): string[] {
  return [...new Set([...EVENT_TYPES, ...(webhook?.events ?? [])])];
}

/** The types with one more, or without it. */
export function toggled(types: readonly string[], type: string): string[] {
  return types.includes(type) ? types.filter((one) => one !== type) : [...types, type];
}

/** What a form says. */
export function webhookOf(form: NewWebhook): NewWebhook {
  return { url: form.url.trim(), description: form.description.trim(), events: form.events };
}

/** What a form says otherwise than the webhook: whatever else somebody changes meanwhile stays. */
export function changesOf(form: NewWebhook, webhook: Webhook): Partial<NewWebhook> {
  const said = webhookOf(form);
  const changes: Partial<NewWebhook> = {};
  if (said.url !== webhook.url) changes.url = said.url;
  if (said.description !== webhook.description) changes.description = said.description;
  if (!areSame(said.events, webhook.events)) changes.events = said.events;
  return changes;
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((type) => others.includes(type));
}
