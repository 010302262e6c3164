import { useEffect, useRef } from "react";
import type { Place } from "../app/router";
import { useCanvasScope } from "../canvas/canvas-context";
import { useReplica } from "../documents/session";
import { PanelControls, PanelFrame } from "../panel/panel-frame";
import HistoryPanel from "./history-panel";

/** The history of a project's canvas, beside it. */
export default function CanvasHistory({ place }: { place: Place }) {
  const { provider } = useCanvasScope();
  const { doc } = useReplica(provider);
  const content = useRef<HTMLDivElement>(null);
  useEffect(() => content.current?.focus({ preventScroll: true }), []);
  return (
    <PanelFrame label="Project history" wholePage={place.wholePage}>
      <div className="flex h-11 shrink-0 items-center gap-1 px-3">
        <h2 className="flex-1 truncate pl-3 text-[13px] font-semibold">Project history</h2>
        <PanelControls place={place} closeLabel="Close history" />
      </div>
      <div ref={content} tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto px-6 pb-16 outline-none">
        <div className="mx-auto max-w-3xl">
          <HistoryPanel kind="canvas" document={provider.name} doc={doc} />
        </div>
      </div>
    </PanelFrame>
  );
}
