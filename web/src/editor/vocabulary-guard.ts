import type { Schema } from "@tiptap/pm/model";
import type * as Y from "yjs";
import { Value } from "../lib/external-store";
import { unknownIn } from "./vocabulary";

/**
 * Watches a text for content that the editor does not know. It must watch before an editor is bound: observers run
 * in the order in which they were added, so `release` unbinds the editor before it sees such content.
 */
export class VocabularyGuard {
  readonly unknown: Value<string | null>;
  release: (() => void) | null = null;
  readonly #fragment: Y.XmlFragment;
  readonly #schema: Schema;

  constructor(fragment: Y.XmlFragment, schema: Schema) {
    this.#fragment = fragment;
    this.#schema = schema;
    this.unknown = new Value(unknownIn(fragment, schema));
    fragment.observeDeep(this.#check);
  }

  destroy(): void {
    this.#fragment.unobserveDeep(this.#check);
  }

  readonly #check = () => {
    const unknown = unknownIn(this.#fragment, this.#schema);
    if (unknown) this.release?.();
    this.unknown.set(unknown);
  };
}
