import { useMemo, useState } from "react";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { idOf, type NewItem, type NodeDocument, type Side, sortedItems } from "../documents/node";
import { sharedStore } from "../documents/yjs";
import { useStore } from "../lib/external-store";
import { IconButton } from "../ui/button";
import { Menu } from "../ui/menu";
import { ItemCard } from "./item-card";
import { FileDrop, useNewFiles } from "./new-files";
import { NewLinkForm, NewReferenceForm } from "./new-item-forms";
import { Section } from "./section";

const WORDS = {
  inputs: {
    title: "Inputs",
    one: "input",
    empty: "What this node works from: texts, files, links, other nodes.",
  },
  outputs: { title: "Outputs", one: "output", empty: "What this node brings forth." },
} as const;

interface ItemsProps {
  nodeId: string;
  side: Side;
  content: NodeDocument;
  awareness: Awareness;
}

/** The inputs or the outputs of a node. */
export function Items({ nodeId, side, content, awareness }: ItemsProps) {
  const { userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const [asking, setAsking] = useState<"link" | "node" | null>(null);
  const list = content.list(side);
  const items = useStore(useMemo(() => sharedStore(list, sortedItems, { deep: true }), [list]));
  const newFiles = useNewFiles(nodeId, side);
  const words = WORDS[side];
  const add = (item: NewItem) => {
    content.addItem(side, item, userId);
    setAsking(null);
  };
  const menu = (
    <Menu
      trigger={<IconButton icon="plus" label={`Add ${words.one}`} />}
      items={[
        { label: "Text", icon: "text", onSelect: () => add({ kind: "text", label: "" }) },
        ...(newFiles ? [{ label: "File…", icon: "file", onSelect: newFiles.choose } as const] : []),
        { label: "Link", icon: "link", onSelect: () => setAsking("link") },
        { label: "Node reference", icon: "node", onSelect: () => setAsking("node") },
      ]}
    />
  );
  const actions = (
    <span className="flex">
      {newFiles && <IconButton icon="upload" label={`Add files to the ${side}`} onClick={newFiles.choose} />}
      {menu}
    </span>
  );
  return (
    <Section title={words.title} action={canEdit && actions}>
      <FileDrop nodeId={nodeId} side={side} newFiles={newFiles}>
        {items.length === 0 && !asking && (
          <p className="text-[13px] text-muted">
            {newFiles ? `${words.empty} Files can be dropped here.` : words.empty}
          </p>
        )}
        <ul aria-label={words.title} className="grid gap-2">
          {items.map((item, index) => (
            <li key={idOf(item) || keyOf(item)}>
              <ItemCard
                item={item}
                side={side}
                content={content}
                awareness={awareness}
                isFirst={index === 0}
                isLast={index === items.length - 1}
                name={`${words.one} ${index + 1}`}
              />
            </li>
          ))}
        </ul>
      </FileDrop>
      {canEdit && asking === "link" && <NewLinkForm onAdd={add} onCancel={() => setAsking(null)} />}
      {canEdit && asking === "node" && <NewReferenceForm onAdd={add} onCancel={() => setAsking(null)} />}
    </Section>
  );
}

/** An item without an id is told apart by where it stands in the document. */
function keyOf(item: Y.Map<unknown>): string {
  const id = item._item?.id;
  return id ? `${id.client}-${id.clock}` : "";
}
