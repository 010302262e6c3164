import { useState } from "react";
import { useOrganizations, useProjects } from "../api/queries";
import type { Organization, Project } from "../api/types";
import { followLink, organizationPath, projectPath } from "../app/router";
import { timeAgo } from "../lib/text";
import { Bell } from "../notifications/bell";
import { AppHeader } from "../ui/app-header";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { LoadError } from "../ui/load-error";
import { Notice } from "../ui/notice";
import { AccountMenu } from "./account-menu";
import { CreateOrganizationDialog, CreateProjectDialog } from "./create-dialogs";

/** The projects of all organizations that I belong to. */
export function ProjectsPage() {
  const organizations = useOrganizations();
  const [creating, setCreating] = useState(false);
  return (
    <div className="min-h-full">
      <title>Projects · GlassBox</title>
      <AppHeader>
        <Bell />
        <AccountMenu />
      </AppHeader>
      <main className="mx-auto grid max-w-5xl gap-8 px-6 py-8">
        <div className="flex items-center justify-between gap-4">
          <h1 className="text-2xl font-semibold tracking-tight">Projects</h1>
          <Button onClick={() => setCreating(true)}>
            <Icon name="plus" /> New organization
          </Button>
        </div>
        {organizations.isPending && <p className="text-sm text-muted">Loading your organizations…</p>}
        {organizations.isError && (
          <LoadError
            what="Your organizations"
            error={organizations.error}
            retry={() => organizations.refetch()}
          />
        )}
        {organizations.data?.length === 0 && (
          <Notice
            icon="people"
            title="Start with an organization"
            action={
              <Button look="primary" onClick={() => setCreating(true)}>
                Create an organization
              </Button>
            }
          >
            It holds your projects and the people who work on them. If a colleague has one, ask to be added.
          </Notice>
        )}
        {organizations.data?.map((organization) => (
          <OrganizationSection key={organization.id} organization={organization} />
        ))}
      </main>
      <CreateOrganizationDialog open={creating} onClose={() => setCreating(false)} />
    </div>
  );
}

function OrganizationSection({ organization }: { organization: Organization }) {
  const projects = useProjects(organization.id);
  const [creating, setCreating] = useState(false);
  const canCreate = organization.role !== "guest";
  return (
    <section aria-labelledby={`org-${organization.id}`} className="grid gap-3">
      <div className="flex items-center justify-between gap-4">
        <h2 id={`org-${organization.id}`} className="text-sm font-semibold">
          {organization.name}
          <span className="ml-2 font-normal text-muted">{organization.role}</span>
        </h2>
        <span className="-mr-3 flex">
          <a
            href={organizationPath(organization.id, "members")}
            onClick={followLink}
            aria-label={`Members and settings of ${organization.name}`}
            className="inline-flex h-8 items-center gap-2 rounded-lg px-3 text-[13px] font-medium text-muted hover:bg-hover hover:text-ink"
          >
            <Icon name="people" /> Members
          </a>
          {canCreate && (
            <Button
              look="quiet"
              aria-label={`New project in ${organization.name}`}
              onClick={() => setCreating(true)}
            >
              <Icon name="plus" /> New project
            </Button>
          )}
        </span>
      </div>
      {projects.isError && (
        <LoadError what="The projects" error={projects.error} retry={() => projects.refetch()} />
      )}
      {projects.data?.length === 0 && (
        <p className="rounded-xl border border-dashed border-line-strong px-4 py-6 text-center text-sm text-muted">
          {canCreate ? "No project yet. Create the first one." : "You have not been added to a project yet."}
        </p>
      )}
      <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        {projects.data?.map((project) => (
          <li key={project.id}>
            <ProjectCard project={project} />
          </li>
        ))}
      </ul>
      <CreateProjectDialog organization={organization} open={creating} onClose={() => setCreating(false)} />
    </section>
  );
}

function ProjectCard({ project }: { project: Project }) {
  return (
    <a
      href={projectPath(project.id)}
      onClick={followLink}
      aria-label={project.name}
      className="grid h-full content-start gap-1 rounded-xl border border-line bg-surface p-4 shadow-card transition-colors duration-100 hover:border-accent"
    >
      <span className="flex items-center justify-between gap-2">
        <span className="truncate font-medium">{project.name}</span>
        {project.role === "viewer" && (
          <span className="shrink-0 rounded-full bg-quiet-soft px-2 py-0.5 text-[11px] text-quiet">
            View only
          </span>
        )}
      </span>
      <span className="line-clamp-2 min-h-10 text-[13px] text-muted">{project.description}</span>
      <span className="text-xs text-muted">Changed {timeAgo(project.updatedAt, Date.now())}</span>
    </a>
  );
}
