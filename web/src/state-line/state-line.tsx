import type { Provider } from "@glassbox/client";
import { useMemo } from "react";
import { type DocumentSession, useDocumentSession, useObservable } from "../documents/session";
import { derivedStore, useStore } from "../lib/external-store";
import { type DocumentState, describe, type Sentence, type Tone } from "./describe";

const DOT: Record<Tone, string> = {
  good: "bg-good",
  quiet: "bg-quiet",
  busy: "bg-info",
  warn: "bg-warn",
  danger: "bg-danger",
};
const TEXT: Record<Tone, string> = {
  good: "text-muted",
  quiet: "text-muted",
  busy: "text-muted",
  warn: "text-warn",
  danger: "text-danger",
};

/** One quiet line that says what is known about my edits, over all open documents. */
export function StateLine() {
  const { text, tone } = useSentence();
  return (
    <div
      role="status"
      aria-live="polite"
      aria-label="Saving state"
      className="flex min-w-0 items-center gap-2"
    >
      {text && <span aria-hidden className={`size-1.5 shrink-0 rounded-full ${DOT[tone]}`} />}
      <span
        className={`line-clamp-1 text-[13px] max-sm:line-clamp-2 max-sm:text-xs max-sm:leading-4 ${TEXT[tone]}`}
        title={text}
      >
        {text}
      </span>
    </div>
  );
}

function useSentence(): Sentence {
  const session = useDocumentSession();
  const connection = useObservable(session.client.status);
  const providers = useStore(session.providers);
  const documents = useMemo(() => documentStates(session, providers), [session, providers]);
  return describe({ connection, documents: useStore(documents) });
}

function documentStates(session: DocumentSession, providers: readonly Provider[]) {
  return derivedStore(
    (changed) => {
      const ends = providers.flatMap((provider) => [
        provider.saved.subscribe(changed),
        provider.access.subscribe(changed),
        provider.synced.subscribe(changed),
        provider.error.subscribe(changed),
      ]);
      return () => ends.forEach((end) => void end());
    },
    () => providers.map((provider) => stateOf(provider, session.isAwaited(provider))),
  );
}

function stateOf(provider: Provider, isAwaited: boolean): DocumentState {
  const { state, unconfirmed, refusal } = provider.saved.value;
  // Its node is on the way to the server: what the server says of the document now is not its last word.
  if (isAwaited)
    return { state: "saving", unconfirmed, refusal: null, access: null, synced: false, error: null };
  return {
    state,
    unconfirmed,
    refusal,
    access: provider.access.value,
    synced: provider.synced.value,
    error: provider.error.value,
  };
}
