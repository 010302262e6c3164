import * as Y from "yjs";

/** Where in a document an item is, in words: the name of its root and the keys below it, joined by dots. */
export function placeOf(doc: Y.Doc, id: Y.ID): string {
  const names: string[] = [];
  let item: Y.Item | null = Y.getItem(doc.store, id);
  while (item instanceof Y.Item) {
    if (item.parentSub !== null) names.unshift(item.parentSub);
    const parent: Y.Item["parent"] = item.parent;
    if (!(parent instanceof Y.AbstractType)) break;
    if (parent._item === null) names.unshift(Y.findRootTypeKey(parent));
    item = parent._item;
  }
  return names.join(".");
}
