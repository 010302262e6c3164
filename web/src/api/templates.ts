import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Point } from "../documents/canvas";
import { newId } from "../lib/id";
import { request } from "./http";
import { everything, useOrganization } from "./queries";

/** Something that a template asks for before it is applied. */
export interface TemplateParameter {
  name: string;
  label?: string;
  default?: string;
}

/** Nodes that can be put onto a canvas together. */
export interface Template {
  id: string;
  /** Null: it comes with GlassBox. */
  orgId: string | null;
  name: string;
  description: string;
  structure: { parameters?: TemplateParameter[]; nodes?: unknown[] };
  /** How agents run that are begun with it. */
  agentConfig?: Record<string, unknown>;
}

/** The templates of an organization, then those that come with GlassBox. */
export function useTemplates(orgId: string | undefined) {
  return useQuery({
    queryKey: ["templates", orgId],
    enabled: orgId !== undefined,
    queryFn: async () => {
      const lists = [`/orgs/${orgId}/templates`, "/templates"].map((path) => everything<Template>(path));
      return (await Promise.all(lists)).flat();
    },
  });
}

interface Application {
  id: string;
  position: Point;
  parameters: Record<string, string>;
}

/** Puts a template's nodes onto a canvas; they come like any other edit. */
export function useApplyTemplate(projectId: string) {
  return useMutation({
    mutationFn: ({ id, ...application }: Application) =>
      request<{ nodes: { id: string }[] }>(
        "POST",
        `/templates/${id}/apply`,
        { projectId, ...application },
        { "Idempotency-Key": newId() },
      ),
  });
}

/** What a template is made of that is made from nodes of a project. */
export interface NewTemplate {
  name: string;
  description: string;
  fromNodes: { projectId: string; nodeIds: string[] };
}

/** Makes a template of nodes that are there. */
export function useMakeTemplate(orgId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (template: NewTemplate) =>
      request<Template>("POST", `/orgs/${orgId}/templates`, template, { "Idempotency-Key": newId() }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["templates", orgId] }),
  });
}

/** Whether I may make templates in an organization: its guests may not. */
export function useMayMakeTemplates(orgId: string | undefined): boolean {
  const role = useOrganization(orgId ?? "").data?.role;
  return role !== undefined && role !== "guest";
}
