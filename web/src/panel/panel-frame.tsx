import { type KeyboardEvent, type PointerEvent, type ReactNode, useState } from "react";
import { navigate, type Place, projectPath } from "../app/router";
import { useCanvasActions } from "../canvas/canvas-actions";
import { IconButton } from "../ui/button";

const KEY = "glassbox.panel-width";
const WIDTH = { least: 360, usual: 520, most: 1100 } as const;
const STEP = 32;

function storedWidth(): number {
  const width = Number(window.localStorage.getItem(KEY));
  return width > 0 ? clamp(width) : WIDTH.usual;
}

function clamp(width: number): number {
  return Math.round(Math.min(WIDTH.most, Math.max(WIDTH.least, width)));
}

interface PanelFrameProps {
  /** What is open. */
  label: string;
  wholePage: boolean;
  children: ReactNode;
}

/** The place of what is open: beside the canvas and as wide as one likes, or the whole page. */
export function PanelFrame({ label, wholePage, children }: PanelFrameProps) {
  const [width, setWidth] = useState(storedWidth);
  const resize = (next: number) => {
    setWidth(clamp(next));
    window.localStorage.setItem(KEY, String(clamp(next)));
  };
  const shape = wholePage
    ? "flex-1"
    : "shrink-0 max-w-full border-l border-line animate-slide max-md:absolute max-md:inset-0 max-md:z-20 max-md:w-full!";
  return (
    <>
      {!wholePage && <Resizer width={width} onResize={resize} />}
      <section
        aria-label={label}
        className={`flex min-w-0 flex-col bg-surface ${shape}`}
        style={wholePage ? undefined : { width }}
      >
        {children}
      </section>
    </>
  );
}

/** Gives a panel the whole page, or closes it. */
export function PanelControls({ place, closeLabel }: { place: Place; closeLabel: string }) {
  const { projectId, view, wholePage } = place;
  const actions = useCanvasActions();
  return (
    <>
      <IconButton
        icon={wholePage ? "shrink" : "expand"}
        label={wholePage ? `Show beside the ${view}` : "Use the whole page"}
        onClick={() => navigate(projectPath(projectId, { ...place, wholePage: !wholePage }), "replace")}
      />
      <IconButton icon="close" label={closeLabel} shortcut="Esc" onClick={() => actions.closePanel()} />
    </>
  );
}

function Resizer({ width, onResize }: { width: number; onResize: (width: number) => void }) {
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (event.currentTarget.hasPointerCapture(event.pointerId)) onResize(window.innerWidth - event.clientX);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowLeft" ? STEP : event.key === "ArrowRight" ? -STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    onResize(width + step);
  };
  return (
    <div
      role="separator"
      aria-label="Width of the panel"
      aria-orientation="vertical"
      aria-valuenow={width}
      aria-valuemin={WIDTH.least}
      aria-valuemax={WIDTH.most}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
      onDoubleClick={() => onResize(WIDTH.usual)}
      className="relative z-10 -mr-1.5 w-1.5 shrink-0 cursor-col-resize touch-none transition-colors duration-100 hover:bg-accent focus-visible:bg-accent max-md:hidden"
    />
  );
}
