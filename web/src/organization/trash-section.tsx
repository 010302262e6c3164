import { messageOf } from "../api/http";
import { useDeletedProjects, useProjectChanges } from "../api/queries";
import type { Organization } from "../api/types";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Loaded } from "../ui/loaded";
import { Notice } from "../ui/notice";
import { useSay } from "../ui/toast";
import { Card } from "./card";

/** The projects that were deleted, and the way back. */
export function TrashSection({ organization }: { organization: Organization }) {
  const projects = useDeletedProjects(organization.id);
  const { restore } = useProjectChanges(organization.id);
  const say = useSay();
  return (
    <Card
      title="Deleted projects"
      hint="They keep everything that was written in them. Deleted nodes are in the trash of their project."
    >
      <Loaded what="The trash" query={projects} lines={2}>
        {(list) =>
          list.length === 0 ? (
            <Notice icon="trash" title="The trash is empty" />
          ) : (
            <ul aria-label="Deleted projects" className="grid">
              {list.map((project) => (
                <li
                  key={project.id}
                  className="flex min-h-12 items-center gap-4 border-b border-line py-1.5 last:border-0"
                >
                  <span className="min-w-0 flex-1">
                    <span className="block truncate text-sm font-medium">{project.name}</span>
                    <span className="block text-xs text-muted">
                      Last changed {timeAgo(project.updatedAt, Date.now())}
                    </span>
                  </span>
                  {project.role === "admin" && (
                    <Button
                      aria-label={`Restore ${project.name}`}
                      disabled={restore.isPending && restore.variables === project.id}
                      onClick={() =>
                        restore.mutate(project.id, { onError: (error) => say(messageOf(error)) })
                      }
                    >
                      Restore
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}
