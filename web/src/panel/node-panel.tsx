import { lazy, Suspense, use, useEffect, useMemo, useRef, useState } from "react";
import type * as Y from "yjs";
import { RunBar } from "../agents/run-bar";
import { RunButton } from "../agents/run-button";
import { followLink, type NodePart, type Place, projectPath } from "../app/router";
import { useCanvasActions } from "../canvas/canvas-actions";
import { CanEditContext, CanManageContext, useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { StaleBanner } from "../canvas/stale-banner";
import type { AwaitedDocument } from "../documents/awaited-document";
import { NodeDocument } from "../documents/node";
import { useIsReady, useNodeDocument, useObservable, useReplica } from "../documents/session";
import { EvidenceContext, EvidenceDesk } from "../evidence/desk";
import { EvidenceLayer } from "../evidence/evidence-layer";
import { useUploadsInto } from "../files/uploads-context";
import { derivedStore, useStore } from "../lib/external-store";
import { patient } from "../lib/patient";
import { useOwned } from "../lib/use-owned";
import { LockBar, LockButton } from "../locks/lock-bar";
import { isMine, useLock } from "../locks/locks";
import { Proposals } from "../proposals/proposals";
import { Button } from "../ui/button";
import { Fetching } from "../ui/fetching";
import { FormError } from "../ui/field";
import { Icon, type IconName } from "../ui/icon";
import { Notice } from "../ui/notice";
import { Connections } from "./connections";
import { Items } from "./items";
import { NodeFields } from "./node-fields";
import { PanelControls, PanelFrame } from "./panel-frame";
import { Section } from "./section";
import { TitleField } from "./title-field";

/** Fetches the editor. */
export const loadEditor = patient(() => import("../editor/rich-text"));
const RichText = lazy(loadEditor);
const HistoryPanel = lazy(patient(() => import("../history/history-panel")));
const RunsPanel = lazy(patient(() => import("../agents/runs-panel")));

const makeContent = (doc: Y.Doc) => new NodeDocument(doc);

interface NodePanelProps {
  place: Place & { nodeId: string };
}

/** An open node: what the canvas says about it, and its own document. */
export default function NodePanel({ place }: NodePanelProps) {
  const { nodeId, wholePage } = place;
  const { canvas } = useCanvasScope();
  const node = useStore(useMemo(() => nodeStore(canvas.nodes, () => canvas.node(nodeId)), [canvas, nodeId]));
  return (
    <PanelFrame label="Node" wholePage={wholePage}>
      <PanelBar place={place} />
      <LockBar nodeId={nodeId} canForce={use(CanManageContext)} />
      <RunBar key={nodeId} place={place} />
      {node ? <OpenNode key={nodeId} place={place} node={node} /> : <Missing />}
    </PanelFrame>
  );
}

function nodeStore(nodes: Y.Map<Y.Map<unknown>>, read: () => Y.Map<unknown> | null) {
  return derivedStore((changed) => {
    nodes.observeDeep(changed);
    return () => nodes.unobserveDeep(changed);
  }, read);
}

const PARTS = [
  { part: "content", label: "Content", icon: "text" },
  { part: "runs", label: "Runs", icon: "spark" },
  { part: "history", label: "History", icon: "clock" },
] as const satisfies { part: NodePart; label: string; icon: IconName }[];

function PanelBar({ place }: NodePanelProps) {
  const { projectId } = place;
  return (
    <div className="flex h-11 shrink-0 items-center gap-1 px-3 max-sm:px-1">
      <nav aria-label="Parts of the node" className="flex gap-1 pl-2 max-sm:gap-0">
        {PARTS.map(({ part, label, icon }) => (
          <a
            key={part}
            href={projectPath(projectId, { ...place, part, runId: null, stepId: null })}
            onClick={followLink}
            aria-current={part === place.part ? "page" : undefined}
            className={`flex h-8 items-center gap-1.5 rounded-lg px-2 text-[13px] font-medium ${part === place.part ? "bg-sunken text-ink" : "text-muted hover:bg-hover hover:text-ink"}`}
          >
            <Icon name={icon} /> <span className={part === place.part ? "" : "max-sm:sr-only"}>{label}</span>
          </a>
        ))}
      </nav>
      <span className="flex-1" />
      <RunButton place={place} />
      <LockButton nodeId={place.nodeId} />
      <PanelControls place={place} closeLabel="Close node" />
    </div>
  );
}

function Missing() {
  const actions = useCanvasActions();
  return (
    <Notice
      icon="node"
      title="This node is not on the canvas"
      action={<Button onClick={() => actions.closePanel()}>Back to the canvas</Button>}
    >
      It may have been deleted, then it is in the trash with everything that was written in it. Or it is still
      on its way here.
    </Notice>
  );
}

function OpenNode({ place, node }: NodePanelProps & { node: Y.Map<unknown> }) {
  const { nodeId, part } = place;
  const document = useNodeDocument(nodeId, useCanvasScope().provider);
  const heading = useRef<HTMLDivElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div ref={heading} tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto px-6 pb-16 outline-none">
      <div className="mx-auto grid max-w-3xl grid-cols-1 gap-6">
        <div className="grid gap-4">
          <TitleField nodeId={nodeId} node={node} />
          {part === "content" && <NodeFields nodeId={nodeId} node={node} />}
        </div>
        {document && part === "content" && <NodeContent document={document} place={place} />}
        {part === "runs" && (
          <Suspense fallback={<Fetching what="runs" />}>
            <RunsPanel place={place} />
          </Suspense>
        )}
        {document && part === "history" && <NodeHistory document={document} />}
      </div>
    </div>
  );
}

function NodeHistory({ document }: { document: AwaitedDocument }) {
  const provider = useStore(document.provider);
  const { doc } = useReplica(provider);
  const access = useObservable(provider.access);
  const canEditCanvas = useCanEdit();
  return (
    <CanEditContext value={access === null ? canEditCanvas : access === "write"}>
      <Suspense fallback={<Fetching what="history" />}>
        <HistoryPanel kind="node" document={provider.name} doc={doc} />
      </Suspense>
    </CanEditContext>
  );
}

function NodeContent({ document, place }: NodePanelProps & { document: AwaitedDocument }) {
  const { nodeId } = place;
  const [desk] = useState(() => new EvidenceDesk());
  const provider = useStore(document.provider);
  const isAwaited = useStore(document.isAwaited);
  const { doc, awareness } = useReplica(provider);
  const content = useOwned(makeContent, doc);
  const { history, userId } = useCanvasScope();
  useEffect(() => (content ? history.add(content.undo) : undefined), [history, content]);
  useUploadsInto(nodeId, content, userId);
  const canEditCanvas = useCanEdit();
  const access = useObservable(provider.access);
  const error = useObservable(provider.error);
  const ready = useIsReady(provider);
  const isRefused = error !== null && !error.retry && error.code !== "LOCAL_COPY_FAILED" && !isAwaited;
  const lock = useLock(nodeId);
  const isLockedOut = lock?.enforced === true && !isMine(lock, userId);
  const canEdit = (access === null ? canEditCanvas : access === "write") && !isRefused && !isLockedOut;
  if (!content || !ready.loaded) return null;
  return (
    <CanEditContext value={canEdit}>
      <EvidenceContext value={desk}>
        <StaleBanner provider={provider} what="node" />
        <EvidenceLayer desk={desk} document={provider.name} place={place} />
        {isRefused && <FormError>{error.message} What you wrote here is kept on this device.</FormError>}
        <Proposals place={place} content={content} awareness={awareness} />
        <Section title="Body">
          <Suspense fallback={<Fetching what="editor" />}>
            <RichText
              key={doc.guid}
              fragment={content.body}
              awareness={awareness}
              label="Body"
              placeholder={
                canEdit ? "Write, or press / for headings, lists, tables…" : "Nothing is written here yet."
              }
              editable={canEdit}
              toolbar="always"
              part="body"
            />
          </Suspense>
        </Section>
        <Items nodeId={nodeId} side="inputs" content={content} awareness={awareness} />
        <Items nodeId={nodeId} side="outputs" content={content} awareness={awareness} />
        <Connections nodeId={nodeId} />
      </EvidenceContext>
    </CanEditContext>
  );
}
