import { type KeyboardEvent, useMemo, useRef } from "react";
import { useStore } from "../lib/external-store";
import { useCanvasScope } from "./canvas-context";

interface TitleInputProps {
  id: string;
  title: string;
  /** The id of the element, if it names something. */
  elementId?: string;
  /** Gives the focus back to what is renamed. */
  onFinish: () => void;
  className: string;
}

/** Renames a node in place: Enter keeps, Esc leaves it as it was. */
export function TitleInput({ id, title, elementId, onFinish, className }: TitleInputProps) {
  const { canvas, renaming } = useCanvasScope();
  const abandoned = useRef(false);
  const finish = () => {
    renaming.set(null);
    onFinish();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") abandoned.current = true;
    if (event.key === "Enter" || event.key === "Escape") finish();
  };
  return (
    <input
      id={elementId}
      aria-label="Node title"
      // biome-ignore lint/a11y/noAutofocus: renaming was asked for just now
      autoFocus
      defaultValue={title}
      placeholder="Untitled"
      maxLength={500}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => {
        if (!abandoned.current) canvas.changeText(id, "title", event.currentTarget.value.trim());
        if (renaming.get() === id) renaming.set(null);
      }}
      onKeyDown={onKeyDown}
      className={`rounded-md border border-accent bg-surface px-1 font-medium ${className}`}
    />
  );
}

/** Whether the title of a node is being edited in place. */
export function useIsRenaming(id: string): boolean {
  const { renaming } = useCanvasScope();
  return useStore(
    useMemo(() => ({ subscribe: renaming.subscribe, get: () => renaming.get() === id }), [renaming, id]),
  );
}
