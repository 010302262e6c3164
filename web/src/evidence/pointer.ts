import { Extension } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet, type EditorView } from "@tiptap/pm/view";
import type { EvidenceDesk, Mark } from "./desk";
import { type LiveBlock, stretchesOf } from "./locate";

/** How long the pointer rests on a text before it is told who wrote it. */
const REST_MS = 600;

const OBJECT = "\uFFFC";
const key = new PluginKey<DecorationSet>("evidence");

interface PlacedBlock extends LiveBlock {
  /** Where its content begins. */
  start: number;
}

/** The blocks of a document in order, as histories tell them. */
export function blocksOf(doc: Node): PlacedBlock[] {
  const blocks: PlacedBlock[] = [];
  doc.descendants((node, at) => {
    if (node.isTextblock) {
      blocks.push({ text: node.textBetween(0, node.content.size, undefined, OBJECT), start: at + 1 });
      return false;
    }
    if (node.isBlock && node.isLeaf) blocks.push({ text: "", start: at });
    return true;
  });
  return blocks;
}

interface EvidenceOptions {
  desk: EvidenceDesk | null;
  part: string;
}

/** Lets one ask of any place of a text who wrote it: by resting there, by ⌥-click, or by Alt+Enter at the caret. */
export const Evidence = Extension.create<EvidenceOptions>({
  name: "evidence",
  addOptions() {
    return { desk: null, part: "" };
  },
  addKeyboardShortcuts() {
    const { desk, part } = this.options;
    return {
      "Alt-Enter": ({ editor }) => {
        if (!desk) return false;
        point(editor.view, desk, part, editor.state.selection.head, true);
        return true;
      },
    };
  },
  addProseMirrorPlugins() {
    const { desk, part } = this.options;
    return desk ? [evidencePlugin(desk, part)] : [];
  },
});

function evidencePlugin(desk: EvidenceDesk, part: string): Plugin<DecorationSet> {
  let timer: number | null = null;
  const rest = () => {
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
  };
  return new Plugin({
    key,
    state: {
      init: () => DecorationSet.empty,
      apply(transaction, marked) {
        const marks = transaction.getMeta(key) as readonly Mark[] | undefined;
        if (marks) return decorated(transaction.doc, marks);
        return marked.map(transaction.mapping, transaction.doc);
      },
    },
    props: {
      decorations: (state) => key.getState(state),
      handleDOMEvents: {
        mousemove(view, event) {
          rest();
          if (event.buttons === 0) {
            timer = window.setTimeout(() => pointAt(view, desk, part, event, false), REST_MS);
          }
          return false;
        },
        mouseleave() {
          rest();
          return false;
        },
        keydown(_view, event) {
          rest();
          if (event.key !== "Alt") desk.pointed.set(null);
          return false;
        },
        mousedown(view, event) {
          rest();
          if (!event.altKey) return false;
          event.preventDefault();
          pointAt(view, desk, part, event, true);
          return true;
        },
      },
    },
    view(view) {
      const show = () => showMarks(view, desk, part);
      const stop = desk.marks.subscribe(show);
      // The view is not whole yet.
      const first = window.setTimeout(show);
      return {
        destroy() {
          window.clearTimeout(first);
          rest();
          stop();
        },
      };
    },
  });
}

const NO_MARKS: readonly Mark[] = [];

function showMarks(view: EditorView, desk: EvidenceDesk, part: string): void {
  if (view.isDestroyed) return;
  const marks = desk.marks.get().get(part) ?? NO_MARKS;
  const before = key.getState(view.state);
  if (marks.length === 0 && before === DecorationSet.empty) return;
  view.dispatch(view.state.tr.setMeta(key, marks).setMeta("addToHistory", false));
  if (marks.some(({ isSought }) => isSought)) {
    view.dom.querySelector(".evidence-shown")?.scrollIntoView({ block: "center" });
  }
}

function decorated(doc: Node, marks: readonly Mark[]): DecorationSet {
  const blocks = blocksOf(doc);
  const decorations = marks.flatMap(({ text, isMarked, look }) =>
    stretchesOf(text, blocks, isMarked).flatMap(({ block, from, to }) => {
      const start = blocks[block]?.start ?? 0;
      return Decoration.inline(start + from, start + to, { class: `evidence-${look}` });
    }),
  );
  return decorations.length > 0 ? DecorationSet.create(doc, decorations) : DecorationSet.empty;
}

function pointAt(
  view: EditorView,
  desk: EvidenceDesk,
  part: string,
  { clientX, clientY }: MouseEvent,
  isAsked: boolean,
): void {
  if (view.isDestroyed) return;
  const found = view.posAtCoords({ left: clientX, top: clientY });
  if (found && isNear(view, found.pos, clientX, clientY)) point(view, desk, part, found.pos, isAsked);
}

/** Whether a place on the screen is on the text itself, and not behind the end of its line. */
function isNear(view: EditorView, position: number, x: number, y: number): boolean {
  const { left, top, bottom } = view.coordsAtPos(position);
  const letter = (bottom - top) * 0.9;
  return y >= top - 2 && y <= bottom + 2 && Math.abs(x - left) <= letter;
}

function point(view: EditorView, desk: EvidenceDesk, part: string, position: number, isAsked: boolean): void {
  const blocks = blocksOf(view.state.doc);
  const block = blocks.findIndex(({ start, text }) => position >= start && position <= start + text.length);
  const found = blocks[block];
  if (!found || found.text === "") return;
  const offset = Math.min(position - found.start, found.text.length - 1);
  const { left, top, bottom } = view.coordsAtPos(position);
  desk.pointed.set({ part, blocks, block, offset, rect: new DOMRect(left, top, 1, bottom - top), isAsked });
}
