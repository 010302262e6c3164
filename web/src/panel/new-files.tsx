import { type ReactNode, useRef } from "react";
import { useProject } from "../api/queries";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import type { Side } from "../documents/node";
import { UploadList } from "../files/upload-list";
import { UPLOADS_AT_MOST } from "../files/uploads";
import { useUploads } from "../files/uploads-context";
import { type Dropped, useFileDrop } from "../files/use-file-drop";
import { useSay } from "../ui/toast";

/** How files come into a list of a node: `choose` asks for them; null: none may come. */
export interface NewFiles {
  choose: () => void;
  add: (dropped: Dropped) => void;
  /** To be put somewhere in the list: what asks for files. */
  field: ReactNode;
}

/** Uploads files into a list of a node. */
export function useNewFiles(nodeId: string, side: Side): NewFiles | null {
  const { projectId } = useCanvasScope();
  const orgId = useProject(projectId).data?.orgId;
  const uploads = useUploads();
  const say = useSay();
  const input = useRef<HTMLInputElement>(null);
  const canEdit = useCanEdit();
  if (!canEdit || !uploads || !orgId) return null;
  const add = ({ files, folders }: Dropped) => {
    const taken = uploads.add({ orgId, projectId, nodeId, side }, files);
    if (folders > 0) say("A folder cannot be added. Add the files that are in it.");
    else if (taken < files.length)
      say(`${UPLOADS_AT_MOST} files can be on their way at once. Add the others when those have arrived.`);
  };
  const field = (
    <input
      ref={input}
      type="file"
      multiple
      hidden
      aria-label={`Files for the ${side}`}
      onChange={(event) => {
        add({ files: [...(event.currentTarget.files ?? [])], folders: 0 });
        // The same file may be chosen again.
        event.currentTarget.value = "";
      }}
    />
  );
  return { choose: () => input.current?.click(), add, field };
}

interface FileDropProps {
  nodeId: string;
  side: Side;
  newFiles: NewFiles | null;
  children: ReactNode;
}

/** The place of a list, onto which files can be dropped, and below it those that are on their way. */
export function FileDrop({ nodeId, side, newFiles, children }: FileDropProps) {
  const { isOver, handlers } = useFileDrop(newFiles?.add ?? null);
  return (
    <div {...handlers} className="relative grid grid-cols-1 gap-2">
      {children}
      <UploadList nodeId={nodeId} side={side} />
      {newFiles?.field}
      {isOver && (
        <div className="pointer-events-none absolute -inset-1.5 grid min-h-12 place-items-center rounded-xl border-2 border-dashed border-accent bg-accent-soft/90 text-[13px] font-medium text-accent">
          Drop to add to the {side}
        </div>
      )}
    </div>
  );
}
