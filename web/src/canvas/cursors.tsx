import { useStore as useFlowStore, ViewportPortal } from "@xyflow/react";
import { useStore } from "../lib/external-store";
import type { Peer } from "../presence/peers";
import { badgeStyle } from "../ui/color";
import { useCanvasScope } from "./canvas-context";

/** The pointers of everybody else, where they are on the canvas. */
export function Cursors() {
  const { presence } = useCanvasScope();
  const peers = useStore(presence.peers);
  const zoom = useFlowStore((state) => state.transform[2]);
  return (
    <ViewportPortal>
      {peers.map(
        (peer) => peer.pointer && <Cursor key={peer.clientId} peer={peer} at={peer.pointer} zoom={zoom} />,
      )}
    </ViewportPortal>
  );
}

function Cursor({ peer, at, zoom }: { peer: Peer; at: { x: number; y: number }; zoom: number }) {
  const { color, name, kind, look } = peer.person;
  const filled = look === "filled";
  return (
    <div
      aria-hidden
      data-testid="peer-cursor"
      className="pointer-events-none absolute top-0 left-0 z-10 origin-top-left transition-transform duration-75 ease-linear"
      style={{ transform: `translate(${at.x}px, ${at.y}px) scale(${1 / zoom})` }}
    >
      <svg
        aria-hidden
        width="18"
        height="18"
        viewBox="0 0 18 18"
        fill={filled ? color : "var(--color-surface)"}
        stroke={filled ? "#fff" : color}
        strokeWidth={filled ? 1.2 : 2}
        strokeDasharray={look === "dashed" ? "3 2" : undefined}
      >
        <path d="M2 2l5.2 13.5 2-5.8 5.8-2z" strokeLinejoin="round" />
      </svg>
      <span
        className={`absolute top-4 left-3 px-2 py-0.5 text-[11px] font-medium whitespace-nowrap ${kind === "agent" ? "rounded-md" : "rounded-full"}`}
        style={badgeStyle(peer.person)}
      >
        {name}
        {peer.person.activity && ` · ${peer.person.activity}`}
      </span>
    </div>
  );
}
