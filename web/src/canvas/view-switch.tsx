import { followLink, PROJECT_VIEWS, type ProjectView, projectPath, useRoute } from "../app/router";
import { Icon } from "../ui/icon";
import { useCanvasScope } from "./canvas-context";

const LABELS: Record<ProjectView, string> = { canvas: "Canvas", tree: "Tree", graph: "Graph" };

/** The views of a project, as links: each has an address, and keeps what is open and selected. */
export function ViewSwitch({ view }: { view: ProjectView }) {
  const { projectId } = useCanvasScope();
  const route = useRoute();
  const place = route.name === "project" ? route : {};
  return (
    <nav aria-label="Views" className="flex shrink-0 rounded-lg bg-sunken p-0.5">
      {PROJECT_VIEWS.map((other, index) => {
        const isShown = other === view;
        return (
          <a
            key={other}
            href={projectPath(projectId, { ...place, view: other })}
            onClick={followLink}
            aria-current={isShown ? "page" : undefined}
            aria-label={LABELS[other]}
            aria-keyshortcuts={String(index + 1)}
            title={`${LABELS[other]} (${index + 1})`}
            className={`flex h-7 items-center gap-1.5 rounded-md px-2 max-sm:px-1.5 text-[13px] font-medium transition-colors duration-100 ${isShown ? "bg-raised text-ink shadow-card" : "text-muted hover:text-ink"}`}
          >
            <Icon name={other} />
            <span className="max-lg:hidden">{LABELS[other]}</span>
          </a>
        );
      })}
    </nav>
  );
}
