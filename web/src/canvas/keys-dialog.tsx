import { Dialog } from "../ui/dialog";
import { ALT, MOD } from "./shortcuts";

const KEYS: [string, string][] = [
  ["N", "New node where you point"],
  ["Enter", "Open the selected node"],
  ["Esc", "Back: out of a field, a node, the selection"],
  ["← ↑ → ↓", "Go to the next node in that direction"],
  ["F2", "Rename the selected node"],
  ["L", "Lock or unlock the open or selected node"],
  ["R", "Run an agent on the open or selected node"],
  ["Delete", "Move the selection to the trash"],
  ["F", "Fit everything into view"],
  ["1 2 3", "Canvas, tree, graph"],
  ["← →", "In the tree: fold and unfold"],
  [`${MOD}K`, "Find a node, a file or an action"],
  [`${MOD}Z`, "Undo my last edit"],
  [`${MOD}⇧Z`, "Redo"],
  [`${MOD}A`, "Select all nodes"],
  ["/", "In a text: insert a heading, list, table, …"],
  [`${ALT} Enter`, "In a text: who wrote this"],
  ["?", "Show these keys"],
];
const MOUSE: [string, string][] = [
  ["Double click", "New node there; on a title, rename; on a card, open"],
  ["Drag", "Select; on a card, move it"],
  ["Drag from a side", "Join to another node"],
  ["Space + drag", "Pan; the middle button does, too"],
  ["Wheel", "Zoom to the pointer"],
  ["Rest on a text", `Who wrote this; ${ALT} click asks at once`],
];

/** All keys and gestures. */
export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keyboard and mouse" open={open} onClose={onClose} wide>
      <div className="grid gap-6 sm:grid-cols-2">
        <Table caption="Keyboard" rows={KEYS} />
        <Table caption="Mouse" rows={MOUSE} />
      </div>
    </Dialog>
  );
}

function Table({ caption, rows }: { caption: string; rows: [string, string][] }) {
  return (
    <section className="grid content-start gap-2">
      <h3 className="text-[13px] font-semibold text-muted">{caption}</h3>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-2 text-[13px]">
        {rows.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="rounded-md border border-line bg-sunken px-1.5 py-0.5 font-sans text-xs whitespace-nowrap">
                {keys}
              </kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
