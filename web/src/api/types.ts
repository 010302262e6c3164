/** The shapes of the REST interface that the studio uses. */

export interface User {
  id: string;
  email: string;
  name: string;
  avatarUrl: string | null;
  color: string;
}

export const ORGANIZATION_ROLES = ["owner", "admin", "member", "guest"] as const;
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];

export interface Organization {
  id: string;
  name: string;
  slug: string;
  role: OrganizationRole;
  settings?: OrganizationSettings;
  eventSourcingLevel?: EventSourcingLevel;
  createdAt: string;
}

/** What is kept of the past, from the most to the least. */
export const EVENT_SOURCING_LEVELS = ["full", "snapshot", "audit"] as const;
export type EventSourcingLevel = (typeof EVENT_SOURCING_LEVELS)[number];

/** What holds for the agents of an organization. */
export interface OrganizationSettings {
  /** The model that they use unless told otherwise; null: the server's. */
  defaultModel: string | null;
  /** The models that may be used; null: all. */
  allowedModels: string[] | null;
  agentPolicies: AgentPolicies;
}

export interface AgentPolicies {
  maxTokensPerExecution: number | null;
  /** Whether a person has to approve each use of a tool that changes something. */
  requireApproval: boolean;
  /** What holds for single tools instead, by their names. */
  tools?: ToolPolicies;
}

/** A tool may be used, or only when a person approves, or not at all. */
export type ToolPolicy = "allow" | "approve" | "deny";
export type ToolPolicies = Readonly<Record<string, ToolPolicy>>;

export const PROJECT_ROLES = ["admin", "member", "viewer"] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

export interface Project {
  id: string;
  orgId: string;
  name: string;
  description: string | null;
  workflowStates: string[];
  role: ProjectRole;
  settings?: ProjectSettings;
  createdAt: string;
  updatedAt: string;
}

/** What a lock on a node means to others: they see it, or their edits are refused. */
export type LockMode = "advisory" | "enforced";

export interface ProjectSettings {
  lockMode: LockMode;
}

/** Somebody who has a role of their own in a project or an organization. */
export interface Member<Role> {
  userId: string;
  email: string;
  name: string;
  role: Role;
}

/** An address that is to belong to an organization once somebody signs in with it. */
export interface Invitation {
  id: string;
  email: string;
  role: Exclude<OrganizationRole, "owner">;
  projectId: string | null;
  projectRole: ProjectRole | null;
  createdAt: string;
  expiresAt: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** An RFC 9457 problem. */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  code: string;
  requestId?: string;
  errors?: { field: string; message: string }[];
}
