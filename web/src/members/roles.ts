import type { OrganizationRole, ProjectRole } from "../api/types";

/** What a role is called, and what it means. */
export interface RoleWords {
  label: string;
  meaning: string;
}

export const PROJECT_ROLE_WORDS: Record<ProjectRole, RoleWords> = {
  admin: { label: "Can manage", meaning: "Edits, and decides who else may." },
  member: { label: "Can edit", meaning: "Edits everything in the project." },
  viewer: { label: "Can view", meaning: "Reads along, live." },
};

export const ORGANIZATION_ROLE_WORDS: Record<OrganizationRole, RoleWords> = {
  owner: { label: "Owner", meaning: "Everything, and the organization itself." },
  admin: { label: "Admin", meaning: "All projects, members, keys and settings." },
  member: { label: "Member", meaning: "Works in all projects." },
  guest: { label: "Guest", meaning: "Only projects that they were added to." },
};
