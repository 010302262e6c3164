import type { Provider } from "@glassbox/client";
import { useIsReady, useObservable } from "../documents/session";
import { useStore } from "../lib/external-store";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import { useCanvasActions } from "./canvas-actions";
import { useCanvasScope } from "./canvas-context";

/** What a project says that has no node yet, or is not here yet. */
export function EmptyProject({ provider, onTemplates }: { provider: Provider; onTemplates: () => void }) {
  const { flow } = useCanvasScope();
  const actions = useCanvasActions();
  const { loaded, synced } = useIsReady(provider);
  const access = useObservable(provider.access);
  const loading = useObservable(provider.loading);
  const empty = useStore(flow.nodes).length === 0;
  if (!empty || !loaded) return null;
  return (
    <div className="pointer-events-none absolute inset-0 grid place-items-center">
      <div className="pointer-events-auto">
        {!synced ? (
          <p className="text-sm text-muted">
            Opening the project…{loading && ` ${Math.floor((100 * loading.received) / loading.total)} %`}
          </p>
        ) : access === "write" ? (
          <Notice
            icon="node"
            title="This project is empty"
            action={
              <span className="flex gap-2">
                <Button look="primary" onClick={() => actions.addNode()}>
                  Add the first node
                </Button>
                <Button onClick={onTemplates}>Use a template</Button>
              </span>
            }
          >
            Press N, or double click on the canvas, to add a node. Join nodes by dragging from their sides.
          </Notice>
        ) : (
          <Notice icon="node" title="This project is empty">
            Nodes appear here as soon as somebody adds one.
          </Notice>
        )}
      </div>
    </div>
  );
}
