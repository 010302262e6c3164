import { type MouseEvent, useMemo } from "react";
import { derivedStore, useStore } from "../lib/external-store";

/** Where the address bar points. */
export type Route =
  | { name: "projects" }
  | { name: "signin" }
  | { name: "project"; projectId: string; nodeId: string | null; wholePage: boolean }
  | { name: "unknown" };

const PROJECT = /^\/p\/([0-9a-f-]{36})(?:\/n\/([0-9a-f-]{36}))?\/?$/;

/** The route that a path and a query string name. */
export function parseRoute(pathname: string, search: string): Route {
  if (pathname === "/") return { name: "projects" };
  if (pathname === "/signin") return { name: "signin" };
  const match = PROJECT.exec(pathname);
  if (!match?.[1]) return { name: "unknown" };
  const nodeId = match[2] ?? null;
  const wholePage = nodeId !== null && new URLSearchParams(search).get("view") === "page";
  return { name: "project", projectId: match[1], nodeId, wholePage };
}

/** The address of a project, or of a node in it. */
export function projectPath(projectId: string, nodeId?: string | null, wholePage = false): string {
  if (!nodeId) return `/p/${projectId}`;
  return `/p/${projectId}/n/${nodeId}${wholePage ? "?view=page" : ""}`;
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
