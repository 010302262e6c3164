import "@xyflow/react/dist/base.css";
import "./canvas.css";
import type { Provider } from "@glassbox/client";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { useFollowedRuns } from "../agents/follow";
import { OpenRunsProvider } from "../agents/open-runs";
import { useRunDialog } from "../agents/use-run-dialog";
import { ApiError, messageOf } from "../api/http";
import { useNames, useProject } from "../api/queries";
import { useSession } from "../api/session";
import { useMayMakeTemplates } from "../api/templates";
import type { Project } from "../api/types";
import { followLink, navigate, organizationPath, type Place, projectPath } from "../app/router";
import { Canvas, DEFAULT_STATES, stringsOf } from "../documents/canvas";
import { useDocument, useDocumentSession, useObservable, useReplica } from "../documents/session";
import { UndoHistory } from "../documents/undo-history";
import { sharedStore, useMapText } from "../documents/yjs";
import { ProjectFeedProvider } from "../events/project-feed";
import { FileDialog } from "../files/file-dialog";
import { useFollowedFiles } from "../files/use-followed-files";
import { useStore, Value } from "../lib/external-store";
import { patient } from "../lib/patient";
import { useOwned } from "../lib/use-owned";
import { type Locks, useFollowedLocks } from "../locks/locks";
import { useToggleLock } from "../locks/use-toggle-lock";
import { MembersDialog } from "../members/members-dialog";
import { CanvasPresence } from "../presence/canvas-presence";
import { SettingsDialog } from "../projects/settings-dialog";
import { MakeTemplateDialog } from "../templates/make-template-dialog";
import { TemplateDialog } from "../templates/template-dialog";
import { FIRST_OPTIONS } from "../tree/options";
import { Fetching } from "../ui/fetching";
import { Notice } from "../ui/notice";
import { type CanvasActions, CanvasActionsProvider, useCanvasActions } from "./canvas-actions";
import {
  CanEditContext,
  CanManageContext,
  type CanvasScope,
  CanvasScopeContext,
  NamesContext,
  StatesContext,
  useCanEdit,
  useCanvasScope,
} from "./canvas-context";
import { EmptyProject } from "./empty-project";
import { FlowModel } from "./flow-model";
import { KeysDialog } from "./keys-dialog";
import { Palette, type PaletteAction } from "./palette";
import { type HeaderAction, ProjectHeader } from "./project-header";
import { ProjectViews } from "./project-views";
import { useShortcuts } from "./shortcuts";
import type { Stage } from "./stage";
import { StaleBanner } from "./stale-banner";
import { TrashDialog } from "./trash-dialog";

const loadPanel = patient(() => import("../panel/node-panel"));
const NodePanel = lazy(loadPanel);
const CanvasHistory = lazy(patient(() => import("../history/canvas-history")));

/** Fetches what an open node needs when there is nothing else to do, so that the first one opens at once. */
function usePreloadedPanel(): void {
  useEffect(() => {
    const preload = () => void loadPanel().then((panel) => panel.loadEditor());
    const timer = window.setTimeout(preload, 1500);
    return () => window.clearTimeout(timer);
  }, []);
}

const makeCanvas = (doc: Y.Doc) => new Canvas(doc);
const makePresence = (awareness: Awareness) => new CanvasPresence(awareness);

/** A project: its canvas, tree or graph, and beside it the node, or the history, that the address names. */
export default function ProjectPage(props: Place) {
  const project = useProject(props.projectId);
  const provider = useDocument(`project:${props.projectId}`);
  if (project.isError && isFinal(project.error)) return <NotOpened error={project.error} />;
  return provider ? <OpenProject {...props} provider={provider} project={project.data} /> : null;
}

function isFinal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}

function NotOpened({ error }: { error: unknown }) {
  return (
    <main className="grid h-full place-items-center">
      <Notice
        icon="warning"
        title="This project cannot be opened"
        action={
          <a href="/" onClick={followLink} className="text-sm font-medium text-accent underline">
            Go to your projects
          </a>
        }
      >
        {error instanceof ApiError && error.status === 404
          ? "It does not exist, or it has not been shared with you. Ask a member of the project to add you."
          : messageOf(error)}
      </Notice>
    </main>
  );
}

interface OpenProjectProps extends Place {
  provider: Provider;
  project: Project | undefined;
}

function OpenProject({ provider, project, ...route }: OpenProjectProps) {
  const { userId } = useDocumentSession();
  const { doc, awareness } = useReplica(provider);
  const canvas = useOwned(makeCanvas, doc);
  const presence = useOwned(makePresence, awareness);
  const scope = useMemo(
    (): CanvasScope | null =>
      canvas && presence
        ? {
            projectId: route.projectId,
            provider,
            canvas,
            presence,
            userId,
            flow: new FlowModel(canvas),
            history: new UndoHistory(),
            renaming: new Value<string | null>(null),
            locks: new Value<Locks>(new Map()),
            stage: new Value<Stage | null>(null),
            treeOptions: new Value(FIRST_OPTIONS),
          }
        : null,
    [canvas, presence, provider, route.projectId, userId],
  );
  useEffect(() => scope?.history.add(scope.canvas.undo), [scope]);
  const canEdit = useCanEditNow(provider, project);
  if (!scope) return null;
  return (
    <CanvasScopeContext value={scope}>
      <CanManageContext value={project?.role === "admin"}>
        <CanEditContext value={canEdit}>
          <WithStates project={project}>
            <WithNames project={project}>
              <CanvasActionsProvider place={route}>
                <ProjectFeedProvider projectId={route.projectId}>
                  <OpenRunsProvider projectId={route.projectId}>
                    <ProjectScreen {...route} provider={provider} project={project} />
                  </OpenRunsProvider>
                </ProjectFeedProvider>
              </CanvasActionsProvider>
            </WithNames>
          </WithStates>
        </CanEditContext>
      </CanManageContext>
    </CanvasScopeContext>
  );
}

/** What the server said last of my access; before it said anything, what my role in the project says. */
function useCanEditNow(provider: Provider, project: Project | undefined): boolean {
  const access = useObservable(provider.access);
  const last = useRef(access);
  if (access !== null) last.current = access;
  if (last.current !== null) return last.current === "write";
  return project !== undefined && project.role !== "viewer";
}

/** The names of people: the project's members, and whoever is here. */
function WithNames({ project, children }: { project: Project | undefined; children: React.ReactNode }) {
  const { presence } = useCanvasScope();
  const listed = useNames(project);
  const here = useStore(presence.people);
  const me = useSession()?.user;
  const names = useMemo(() => {
    const all = new Map(listed);
    for (const { id, name } of [...here, ...(me ? [me] : [])]) all.set(id, name);
    return all;
  }, [listed, here, me]);
  return <NamesContext value={names}>{children}</NamesContext>;
}

function WithStates({ project, children }: { project: Project | undefined; children: React.ReactNode }) {
  const { canvas } = useCanvasScope();
  const shared = useStore(
    useMemo(
      () =>
        sharedStore(canvas.project, (map) => stringsOf(map.get("workflowStates")), {
          deep: true,
        }),
      [canvas],
    ),
  );
  const fromRest = project?.workflowStates;
  const states = shared.length > 0 ? shared : fromRest && fromRest.length > 0 ? fromRest : DEFAULT_STATES;
  return <StatesContext value={states}>{children}</StatesContext>;
}

type OpenDialog =
  | "palette"
  | "members"
  | "trash"
  | "keys"
  | "templates"
  | "make-template"
  | "settings"
  | null;

function ProjectScreen({ provider, project, ...place }: OpenProjectProps) {
  const { projectId, view, nodeId, part, wholePage } = place;
  const { canvas, flow, presence } = useCanvasScope();
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [file, setFile] = useState<{ id: string; title: string } | null>(null);
  usePreloadedPanel();
  useFollowedLocks(projectId);
  useFollowedRuns(projectId);
  useFollowedFiles();
  const running = useRunDialog();
  const close = () => setDialog(null);
  const mayMakeTemplates = useMayMakeTemplates(project?.orgId);
  const name = useMapText(canvas.project, "name", project?.name ?? "");
  useShortcuts({
    nodeId,
    panelOpen: nodeId !== null || part === "history",
    openPalette: () => setDialog("palette"),
    openKeys: () => setDialog("keys"),
    toggleLock: useToggleLock(),
    run: running.ask,
  });
  useEffect(() => presence.publish({ viewing: nodeId }), [presence, nodeId]);
  useEffect(() => {
    if (nodeId) flow.select([nodeId]);
  }, [flow, nodeId]);
  useEffect(() => {
    if (!nodeId || wholePage) return;
    // The panel has taken its place by the next frame: only then it is known what it covers.
    const frame = requestAnimationFrame(() => actions.revealNode(nodeId));
    return () => cancelAnimationFrame(frame);
  }, [nodeId, wholePage, actions]);
  usePublishedSelection();

  return (
    <div className="flex h-full flex-col">
      <title>{`${name || "Project"} · GlassBox`}</title>
      <ProjectHeader
        name={name}
        view={view}
        onPalette={() => setDialog("palette")}
        actions={projectActions(setDialog, actions, canEdit, project)}
      />
      <StaleBanner provider={provider} what="project" />
      <main className="relative flex min-h-0 flex-1">
        <div className={`relative min-w-0 flex-1 ${wholePage ? "hidden" : ""}`}>
          <ProjectViews
            view={view}
            nodeId={nodeId}
            isShown={!wholePage}
            onMakeTemplate={mayMakeTemplates ? () => setDialog("make-template") : null}
          />
          <EmptyProject provider={provider} onTemplates={() => setDialog("templates")} />
        </div>
        {nodeId && (
          <Suspense fallback={<PanelPlace />}>
            <NodePanel key={nodeId} place={{ ...place, nodeId }} />
          </Suspense>
        )}
        {!nodeId && part === "history" && (
          <Suspense fallback={<PanelPlace />}>
            <CanvasHistory place={place} />
          </Suspense>
        )}
      </main>
      <Palette
        orgId={project?.orgId}
        open={dialog === "palette"}
        onClose={close}
        onNode={(id, of) => {
          if (of !== projectId) return navigate(projectPath(of, { nodeId: id }));
          actions.focusNode(id);
          actions.openNode(id);
        }}
        onFile={setFile}
        actions={usePaletteActions(setDialog, project, mayMakeTemplates)}
      />
      <FileDialog file={file} onClose={() => setFile(null)} />
      <MembersDialog project={project} open={dialog === "members"} onClose={close} />
      <TemplateDialog orgId={project?.orgId} open={dialog === "templates"} onClose={close} />
      <MakeTemplateDialog orgId={project?.orgId} open={dialog === "make-template"} onClose={close} />
      <SettingsDialog project={project} open={dialog === "settings"} onClose={close} />
      <TrashDialog open={dialog === "trash"} onClose={close} />
      <KeysDialog open={dialog === "keys"} onClose={close} />
      {running.dialog}
    </div>
  );
}

function usePublishedSelection(): void {
  const { flow, presence } = useCanvasScope();
  const selection = useStore(flow.selection);
  useEffect(() => {
    // A state has a limit of 8 KiB: a large selection is told in part.
    presence.publish({ selection: [...selection.nodes].slice(0, 100) });
  }, [presence, selection]);
}

function PanelPlace() {
  return (
    <div className="w-[min(520px,100%)] border-l border-line bg-surface">
      <Fetching what="panel" />
    </div>
  );
}

function usePaletteActions(
  open: (dialog: OpenDialog) => void,
  project: Project | undefined,
  mayMakeTemplates: boolean,
): PaletteAction[] {
  const actions = useCanvasActions();
  const canEdit = useCanEdit();
  const { flow } = useCanvasScope();
  const hasSelection = useStore(flow.selection).nodes.size > 0;
  const ofSelection: PaletteAction[] =
    mayMakeTemplates && hasSelection
      ? [
          {
            label: "Make a template of the selected nodes",
            icon: "template",
            run: () => open("make-template"),
          },
        ]
      : [];
  return [
    { label: "New node", icon: "plus", shortcut: "N", run: () => actions.addNode() },
    { label: "Fit everything into view", icon: "fit", shortcut: "F", run: () => actions.fit() },
    { label: "Show the canvas", icon: "canvas", shortcut: "1", run: () => actions.showView("canvas") },
    { label: "Show the tree", icon: "tree", shortcut: "2", run: () => actions.showView("tree") },
    { label: "Show the graph", icon: "graph", shortcut: "3", run: () => actions.showView("graph") },
    { label: "Undo my last edit", icon: "undo", run: () => actions.undo() },
    { label: "Redo", icon: "redo", run: () => actions.redo() },
    ...ofSelection,
    ...projectActions(open, actions, canEdit, project),
  ];
}

/** What concerns the project as a whole, for the header and the palette alike. */
function projectActions(
  open: (dialog: OpenDialog) => void,
  actions: CanvasActions,
  canEdit: boolean,
  project: Project | undefined,
): HeaderAction[] {
  const edits: HeaderAction[] = canEdit
    ? [{ label: "New from a template", icon: "template", run: () => open("templates") }]
    : [];
  const files: HeaderAction[] = project
    ? [
        {
          label: "Files",
          icon: "file",
          run: () => navigate(organizationPath(project.orgId, "files", project.id)),
        },
      ]
    : [];
  return [
    ...edits,
    ...files,
    { label: "Project members", icon: "people", run: () => open("members") },
    { label: "Project settings", icon: "settings", run: () => open("settings") },
    { label: "Project history", icon: "clock", run: () => actions.showHistory() },
    { label: "Trash", icon: "trash", run: () => open("trash") },
    { label: "Keyboard and mouse", icon: "keyboard", shortcut: "?", run: () => open("keys") },
  ];
}
