import { usePages } from "./pages";

/** Something that was done to an organization or what belongs to it. */
export interface AuditEntry {
  id: string;
  at: string;
  /** `user:<id>`, `api_key:<id>`, `agent:<id>` or `system:<id>`. */
  actor: string;
  userId: string | null;
  userName: string | null;
  action: string;
  resourceType: string;
  resourceId: string | null;
  details: Record<string, unknown>;
  ipAddress: string | null;
  userAgent: string | null;
}

export interface AuditFilter {
  actor: string;
  action: string;
  resourceType: string;
  /** Times; empty: no bound. */
  since: string;
  until: string;
}

/** The audit log, the newest first. */
export function useAuditLog(orgId: string, filter: AuditFilter) {
  return usePages<AuditEntry>(["audit", orgId], `/orgs/${orgId}/audit-log`, { ...filter });
}
