import { type DragEvent, useState } from "react";

/** What is dropped: files, and how many folders, which are none. */
export interface Dropped {
  files: File[];
  folders: number;
}

/** Lets files be dropped onto a place; null: none may. */
export function useFileDrop(onDrop: ((dropped: Dropped) => void) | null) {
  const [isOver, setIsOver] = useState(false);
  if (!onDrop) return { isOver: false, handlers: {} };
  const onDragOver = (event: DragEvent<HTMLElement>) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    setIsOver(true);
  };
  const onDragLeave = (event: DragEvent<HTMLElement>) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
  };
  const onDropped = (event: DragEvent<HTMLElement>) => {
    setIsOver(false);
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    onDrop(droppedOf(event.dataTransfer));
  };
  return { isOver, handlers: { onDragOver, onDragLeave, onDrop: onDropped } };
}

/** A folder comes as if it were a file, which cannot be read. */
function droppedOf({ items, files }: DataTransfer): Dropped {
  const entries = [...(items ?? [])].filter(({ kind }) => kind === "file");
  const isFolder = (index: number) => entries[index]?.webkitGetAsEntry?.()?.isDirectory === true;
  const kept = [...files].filter((_, index) => !isFolder(index));
  return { files: kept, folders: files.length - kept.length };
}
