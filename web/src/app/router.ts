import { type MouseEvent, useMemo } from "react";
import { derivedStore, useStore } from "../lib/external-store";

/** How a project is looked at. */
export const PROJECT_VIEWS = ["canvas", "tree", "graph"] as const;
export type ProjectView = (typeof PROJECT_VIEWS)[number];

/** What of an open node is shown. Without a node there is the history of the project's canvas, or nothing. */
export type NodePart = "content" | "runs" | "history";

/** A place in a project. */
export interface Place {
  projectId: string;
  view: ProjectView;
  nodeId: string | null;
  part: NodePart;
  /** The run that is shown; beside the content, the one whose text is marked. */
  runId: string | null;
  /** A step of that run. */
  stepId: string | null;
  wholePage: boolean;
}

/** The parts of an organization's page. */
export const ORGANIZATION_SECTIONS = [
  "members",
  "settings",
  "files",
  "models",
  "keys",
  "webhooks",
  "audit",
  "trash",
] as const;
export type OrganizationSection = (typeof ORGANIZATION_SECTIONS)[number];

/** Where the address bar points. */
export type Route =
  | { name: "projects" }
  | { name: "signin" }
  | { name: "profile" }
  | {
      name: "organization";
      orgId: string;
      section: OrganizationSection;
      /** The project that a part is narrowed down to. */
      projectId: string | null;
    }
  | ({ name: "project" } & Place)
  | { name: "unknown" };

const ID = "([0-9a-f-]{36})";
const PROJECT = new RegExp(`^/p/${ID}(?:/(tree|graph))?(?:/n/${ID})?(?:/(history|runs)(?:/${ID})?)?/?$`);
const ONE_ID = new RegExp(`^${ID}$`);

const ORGANIZATION = new RegExp(`^/o/${ID}/(${ORGANIZATION_SECTIONS.join("|")})/?$`);

/** The route that a path and a query string name. */
export function parseRoute(pathname: string, search: string): Route {
  if (pathname === "/") return { name: "projects" };
  if (pathname === "/signin") return { name: "signin" };
  if (pathname === "/me") return { name: "profile" };
  const [, orgId, section] = ORGANIZATION.exec(pathname) ?? [];
  if (orgId) {
    const projectId = section === "files" ? idIn(new URLSearchParams(search), "project") : null;
    return { name: "organization", orgId, section: section as OrganizationSection, projectId };
  }
  const [, projectId, view = "canvas", nodeId = null, part = "content", run] = PROJECT.exec(pathname) ?? [];
  if (!projectId || (part === "history" && run)) return { name: "unknown" };
  if (part === "runs" && nodeId === null) return { name: "unknown" };
  const query = new URLSearchParams(nodeId === null && part === "content" ? "" : search);
  const runId = part === "runs" ? (run ?? null) : part === "content" ? idIn(query, "run") : null;
  return {
    name: "project",
    projectId,
    view: view as ProjectView,
    nodeId,
    part: part as NodePart,
    runId,
    stepId: runId && idIn(query, "step"),
    wholePage: query.get("view") === "page",
  };
}

function idIn(query: URLSearchParams, name: string): string | null {
  const value = query.get(name) ?? "";
  return ONE_ID.test(value) ? value : null;
}

/** The address of a project, or of a place in it. */
export function projectPath(projectId: string, place: Partial<Omit<Place, "projectId">> = {}): string {
  const { view = "canvas", nodeId = null, part = "content", wholePage = false } = place;
  const base = `/p/${projectId}${view === "canvas" ? "" : `/${view}`}${nodeId ? `/n/${nodeId}` : ""}`;
  if (!nodeId && part !== "history") return base;
  const { runId = null, stepId = null } = part === "history" ? {} : place;
  const shown = part === "content" ? "" : `/${part}${runId ? `/${runId}` : ""}`;
  const query = new URLSearchParams();
  if (wholePage) query.set("view", "page");
  if (part === "content" && runId) query.set("run", runId);
  if (runId && stepId) query.set("step", stepId);
  return `${base}${shown}${query.size > 0 ? `?${query}` : ""}`;
}

/** The address of a part of an organization, as far as it concerns one project. */
export function organizationPath(
  orgId: string,
  section: OrganizationSection,
  projectId: string | null = null,
): string {
  return `/o/${orgId}/${section}${projectId ? `?project=${projectId}` : ""}`;
}

const NAVIGATED = "glassbox:navigated";

const address = derivedStore(
  (changed) => {
    window.addEventListener("popstate", changed);
    window.addEventListener(NAVIGATED, changed);
    return () => {
      window.removeEventListener("popstate", changed);
      window.removeEventListener(NAVIGATED, changed);
    };
  },
  () => window.location.pathname + window.location.search,
);

/** Goes to an address of the studio. */
export function navigate(to: string, mode: "push" | "replace" = "push"): void {
  if (to === address.get()) return;
  if (mode === "push") window.history.pushState(null, "", to);
  else window.history.replaceState(null, "", to);
  window.dispatchEvent(new Event(NAVIGATED));
}

/** The current route. */
export function useRoute(): Route {
  const current = useStore(address);
  return useMemo(() => {
    const url = new URL(current, window.location.origin);
    return parseRoute(url.pathname, url.search);
  }, [current]);
}

/** Lets an `<a>` navigate inside the studio, and leaves new tabs and downloads to the browser. */
export function followLink(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(event.currentTarget.pathname + event.currentTarget.search);
}
