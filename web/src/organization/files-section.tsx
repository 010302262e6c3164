import { useState } from "react";
import { FILE_STATES, type FileFilter, type FileSort, useFiles } from "../api/files";
import { useProjects } from "../api/queries";
import type { Organization, Project } from "../api/types";
import { followLink, navigate, organizationPath, projectPath } from "../app/router";
import { STATE_WORDS } from "../files/words";
import { Button } from "../ui/button";
import { SelectField } from "../ui/field";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { Notice } from "../ui/notice";
import { Card } from "./card";
import { FileRow } from "./file-row";

type Chosen = Pick<FileFilter, "processingStatus" | "sort">;

const FIRST: Chosen = { processingStatus: "", sort: "-createdAt" };
const SORT_WORDS: Record<FileSort, string> = {
  "-createdAt": "The newest first",
  createdAt: "The oldest first",
  filename: "By name",
  "-sizeBytes": "The largest first",
};

interface FilesSectionProps {
  organization: Organization;
  /** Null: of all projects. */
  projectId: string | null;
}

/** The files of an organization, or of one of its projects. */
export function FilesSection({ organization, projectId }: FilesSectionProps) {
  const [chosen, setChosen] = useState(FIRST);
  const projects = useProjects(organization.id);
  const files = useFiles(organization.id, { ...chosen, projectId: projectId ?? "" });
  const project = projects.data?.find(({ id }) => id === projectId);
  return (
    <Card
      title={project ? `Files of ${project.name}` : "Files of all projects"}
      hint="Files come here from the inputs and outputs of nodes. To add one, open a node and drop it there."
      action={
        project && (
          <a
            href={projectPath(project.id)}
            onClick={followLink}
            className="shrink-0 text-[13px] font-medium text-accent underline underline-offset-2"
          >
            Open the project
          </a>
        )
      }
    >
      <Filters
        projects={projects.data ?? []}
        projectId={projectId}
        chosen={chosen}
        onProject={(id) => navigate(organizationPath(organization.id, "files", id), "replace")}
        onChange={setChosen}
      />
      <Loaded what="The files" query={{ ...files, data: files.items }} lines={6}>
        {(list) => (
          <>
            {list.length === 0 && <NoFiles status={chosen.processingStatus} onAll={() => setChosen(FIRST)} />}
            <ul aria-label="Files" className="grid">
              {list.map((file) => (
                <FileRow
                  key={file.id}
                  file={file}
                  organization={organization}
                  project={projects.data?.find(({ id }) => id === file.projectId)}
                />
              ))}
            </ul>
            <MorePages pages={files} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

function NoFiles({ status, onAll }: { status: FileFilter["processingStatus"]; onAll: () => void }) {
  if (!status) {
    return (
      <Notice icon="file" title="No file yet">
        Reports, pictures and tables that people and agents work with are listed here.
      </Notice>
    );
  }
  return (
    <div className="grid justify-items-center gap-3 py-6 text-sm text-muted">
      <p>No file is in this state.</p>
      <Button onClick={onAll}>Show all</Button>
    </div>
  );
}

interface FiltersProps {
  projects: readonly Project[];
  projectId: string | null;
  chosen: Chosen;
  onProject: (id: string | null) => void;
  onChange: (chosen: Chosen) => void;
}

function Filters({ projects, projectId, chosen, onProject, onChange }: FiltersProps) {
  return (
    <div className="grid gap-3 sm:grid-cols-3">
      <SelectField
        label="Project"
        value={projectId ?? ""}
        onChange={(event) => onProject(event.target.value || null)}
      >
        <option value="">All projects</option>
        {projects.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="State"
        value={chosen.processingStatus}
        onChange={(event) =>
          onChange({ ...chosen, processingStatus: event.target.value as FileFilter["processingStatus"] })
        }
      >
        <option value="">Any</option>
        {FILE_STATES.map((state) => (
          <option key={state} value={state}>
            {STATE_WORDS[state]}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="Order"
        value={chosen.sort}
        onChange={(event) => onChange({ ...chosen, sort: event.target.value as FileSort })}
      >
        {Object.entries(SORT_WORDS).map(([sort, words]) => (
          <option key={sort} value={sort}>
            {words}
          </option>
        ))}
      </SelectField>
    </div>
  );
}
