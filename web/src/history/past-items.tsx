import * as Y from "yjs";
import { idOf, kindOf, type NodeDocument, type Side, sortedItems } from "../documents/node";
import { plainText } from "../editor/vocabulary";
import { humanize } from "../lib/text";

/** The inputs and outputs of a node as they were. */
export function PastItems({ content }: { content: NodeDocument }) {
  return (
    <>
      <List side="inputs" content={content} />
      <List side="outputs" content={content} />
    </>
  );
}

function List({ side, content }: { side: Side; content: NodeDocument }) {
  const items = sortedItems(content.list(side));
  if (items.length === 0) return null;
  return (
    <section aria-label={`${humanize(side)} as they were`} className="grid gap-2">
      <h3 className="text-[13px] font-semibold text-muted">{humanize(side)}</h3>
      <ul className="grid gap-2">
        {items.map((item) => (
          <li key={idOf(item)} className="grid gap-1 rounded-xl border border-line px-3 py-2 text-sm">
            <span className="font-medium">{textOf(item.get("label")) || humanize(kindOf(item))}</span>
            <span className="whitespace-pre-wrap text-muted">{contentOf(item)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function contentOf(item: Y.Map<unknown>): string {
  const text = item.get("text");
  if (text instanceof Y.XmlFragment) return plainText(text);
  if (text instanceof Y.Text) return text.toString();
  const data = item.get("data");
  return textOf(item.get("url")) || (data === undefined ? "" : JSON.stringify(data, null, 2));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
