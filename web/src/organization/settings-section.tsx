import type { Organization } from "../api/types";
import { AgentToolsCard } from "./agent-tools-card";
import { DeletionCard } from "./deletion-card";
import { IdentityCard } from "./identity-card";
import { RetentionCard } from "./retention-card";

/** How the organization is set up, and the end of it. */
export function SettingsSection({ organization }: { organization: Organization }) {
  const { role, settings, eventSourcingLevel } = organization;
  return (
    <>
      <IdentityCard organization={organization} />
      {eventSourcingLevel && <RetentionCard organization={organization} level={eventSourcingLevel} />}
      {settings && <AgentToolsCard organization={organization} policies={settings.agentPolicies} />}
      {role === "owner" && <DeletionCard organization={organization} />}
    </>
  );
}
