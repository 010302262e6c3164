import type { AuditEntry } from "../api/audit";
import { humanize } from "../lib/text";

/** What can be asked for, in words. A server may know more: these are shown by their names. */
export const AUDIT_ACTIONS: Record<string, string> = {
  "organization.created": "founded the organization",
  "organization.updated": "changed the organization",
  "organization.deleted": "deleted the organization",
  "organization.member_added": "added a member",
  "organization.member_role_changed": "changed a member's role",
  "organization.member_removed": "removed a member",
  "organization.member_left": "left the organization",
  "invitation.created": "invited somebody",
  "invitation.revoked": "took back an invitation",
  "invitation.accepted": "accepted an invitation",
  "project.created": "began a project",
  "project.updated": "changed a project",
  "project.deleted": "put a project into the trash",
  "project.restored": "restored a project",
  "project.erased": "deleted a project for good",
  "project.member_added": "gave somebody a role in a project",
  "project.member_role_changed": "changed somebody's role in a project",
  "project.member_removed": "took back a role in a project",
  "api_key.created": "made an API key",
  "api_key.revoked": "revoked an API key",
  "webhook.created": "made a webhook",
  "webhook.updated": "changed a webhook",
  "webhook.secret_rotated": "gave a webhook another secret",
  "webhook.disabled": "paused a webhook that did not answer",
  "webhook.deleted": "deleted a webhook",
  "document.created": "created a document",
  "document.renamed": "renamed a document",
  "document.deleted": "put a document into the trash",
  "document.recovered": "took a document out of the trash",
  "document.erased": "deleted a document for good",
  "node.deleted": "put a node into the trash",
  "node.restored": "restored a node",
  "node.proposal_accepted": "accepted a proposal",
  "node.proposal_rejected": "rejected a proposal",
  "document.version_named": "named a version",
  "document.version_renamed": "renamed a version",
  "document.version_unnamed": "took a version's name away",
  "document.restored": "brought back what a document was",
  "document.undone": "took back what somebody wrote",
  "document.pruned": "had deleted content forgotten",
  "lock.released_by_force": "took a lock away",
  "model.created": "set up a model for agents",
  "model.updated": "changed a model for agents",
  "model.deleted": "deleted a model for agents",
  "execution.started": "ran an agent",
  "execution.paused": "paused an agent's run",
  "execution.resumed": "had an agent's run go on",
  "execution.answered": "answered what an agent asked",
  "execution.cancelled": "stopped an agent's run",
  "execution.retried": "had an agent's run tried again",
  "execution.undone": "took back what an agent's run wrote",
  "file.uploaded": "uploaded a file",
  "file.updated": "changed a file",
  "file.deleted": "deleted a file",
  "template.created": "made a template",
  "template.updated": "changed a template",
  "template.deleted": "deleted a template",
};

/** What was done, as a sentence goes on after who did it. */
export function actionWords(action: string): string {
  return AUDIT_ACTIONS[action] ?? humanize(action.replaceAll(".", ": "));
}

const ACTORS: Record<string, string> = { api_key: "API key", agent: "Agent", system: "The server" };

/** Who did it: a person, or a program for them. */
export function actorWords({ actor, userName }: Pick<AuditEntry, "actor" | "userName">): string {
  const kind = actor.split(":")[0] ?? "";
  if (kind === "user") return userName ?? "Somebody who is gone";
  const program = ACTORS[kind] ?? humanize(kind);
  return userName ? `${program} of ${userName}` : program;
}

/** What else is known, a line a member. */
export function detailLines(details: Record<string, unknown>): string[] {
  return Object.entries(details).map(([key, value]) => {
    const name = humanize(key.replaceAll(/([a-z])([A-Z])/g, "$1 $2")).replace(/ [A-Z]/g, (it) =>
      it.toLowerCase(),
    );
    return `${name}: ${valueWords(value)}`;
  });
}

function valueWords(value: unknown): string {
  if (value === null || value === undefined || value === "") return "none";
  if (Array.isArray(value)) return value.map(valueWords).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
