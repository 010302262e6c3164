import type { OrganizationChanges } from "../api/organizations";
import {
  EVENT_SOURCING_LEVELS,
  type EventSourcingLevel,
  type Organization,
  type ToolPolicies,
  type ToolPolicy,
} from "../api/types";

/** What of a typed name and slug differs from the organization's; an empty one is none. */
export function identityChanges(
  organization: Pick<Organization, "name" | "slug">,
  typed: { name?: string; slug?: string },
): Pick<OrganizationChanges, "name" | "slug"> {
  const name = typed.name?.trim();
  const slug = typed.slug?.trim();
  return {
    ...(name && name !== organization.name && { name }),
    ...(slug && slug !== organization.slug && { slug }),
  };
}

/** What the levels keep of the past, in words. */
export const LEVEL_WORDS: Record<EventSourcingLevel, { label: string; meaning: string }> = {
  full: {
    label: "Everything",
    meaning: "Every edit, for ever: whatever a document ever was can be seen and brought back.",
  },
  snapshot: {
    label: "Less, the older it is",
    meaning:
      "Every edit of the last 30 days, or of as many as whoever runs this server has set. Of each day before, what documents were at its end, and every version that has a name.",
  },
  audit: {
    label: "Who and when, and no old content",
    meaning:
      "It stays known who worked on what and when. What documents were before cannot be seen, named or brought back.",
  },
};

/** Whether with the second level something goes that the first one keeps. */
export function keepsLess(now: EventSourcingLevel, then: EventSourcingLevel): boolean {
  return EVENT_SOURCING_LEVELS.indexOf(then) > EVENT_SOURCING_LEVELS.indexOf(now);
}

/** What is chosen for a tool; `default`: what holds for all. */
export type ToolRule = ToolPolicy | "default";

/** The tools that agents have, those that change something first. */
const TOOL_WORDS: Record<string, string> = {
  edit_body: "Edit the body of their node",
  add_output: "Add outputs to their node",
  set_status: "Set the status of their node",
  create_subnode: "Make nodes inside it",
  access_node: "Read other nodes",
  list_nodes: "List the project's nodes",
  search: "Search the project",
  request_human_input: "Ask people",
};

/** The tools that rules can be made for: what a program has made one for besides is shown by its name. */
export function toolsFor(policies: ToolPolicies): { name: string; label: string }[] {
  const names = [...new Set([...Object.keys(TOOL_WORDS), ...Object.keys(policies)])];
  return names.map((name) => ({ name, label: TOOL_WORDS[name] ?? name }));
}

/** The rules for tools with those that were chosen. */
export function withRules(policies: ToolPolicies, chosen: Readonly<Record<string, ToolRule>>): ToolPolicies {
  const rules: Record<string, ToolPolicy> = { ...policies };
  for (const [name, rule] of Object.entries(chosen)) {
    if (rule === "default") delete rules[name];
    else rules[name] = rule;
  }
  return rules;
}

/** Whether the same holds for all tools. */
export function areSameRules(some: ToolPolicies, others: ToolPolicies): boolean {
  const names = Object.keys(some);
  return names.length === Object.keys(others).length && names.every((name) => some[name] === others[name]);
}
