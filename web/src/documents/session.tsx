import {
  deleteLocalCopies,
  GlassBoxClient,
  type Provider,
  type Replica,
  unsavedDocuments,
} from "@glassbox/client";
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useState } from "react";
import type * as Y from "yjs";
import { socketToken } from "../api/queries";
import { type Session, session } from "../api/session";
import { sameList, useStore, Value } from "../lib/external-store";
import { AwaitedDocument } from "./awaited-document";

/** The documents that this window has open, and those that it still saves after they were closed. */
export class DocumentSession {
  readonly client: GlassBoxClient;
  readonly userId: string;
  readonly providers = new Value<readonly Provider[]>([]);
  readonly #prefix: string;
  readonly #uses = new Map<Provider, number>();
  readonly #awaited = new Set<AwaitedDocument>();

  constructor(userId: string) {
    this.userId = userId;
    // Copies on the device are kept apart by user: they hold what this user may see and has not saved yet.
    this.#prefix = `glassbox.${userId}`;
    this.client = new GlassBoxClient({ url: socketUrl(window.location), token: socketToken });
  }

  /** Opens a document, with a replica of the caller's if it is not open yet. */
  open(name: string, replica?: Replica): Provider {
    const isOpen = [...this.#uses.keys()].some((provider) => provider.name === name);
    const options = isOpen ? undefined : replica;
    const provider = this.client.open(name, { ...options, persistence: { prefix: this.#prefix } });
    this.#uses.set(provider, (this.#uses.get(provider) ?? 0) + 1);
    this.#publish();
    return provider;
  }

  /** Gives a document back. It stays listed, and so in the state line, until its edits are saved. */
  async release(provider: Provider): Promise<void> {
    await provider.close();
    const uses = (this.#uses.get(provider) ?? 1) - 1;
    if (uses > 0) this.#uses.set(provider, uses);
    else this.#uses.delete(provider);
    this.#publish();
  }

  /** Opens the document of a node that is on a canvas. */
  openNode(nodeId: string, canvas: Provider): AwaitedDocument {
    const opened = new AwaitedDocument(this, `node:${nodeId}`, canvas);
    this.#awaited.add(opened);
    return opened;
  }

  closeNode(document: AwaitedDocument): void {
    this.#awaited.delete(document);
    document.destroy();
  }

  /** Whether a document has not reached the server yet, and is asked for again. */
  isAwaited(provider: Provider): boolean {
    return [...this.#awaited].some(
      (document) => document.isAwaited.get() && document.provider.get() === provider,
    );
  }

  /** Opens what an earlier visit left unsaved on this device, until it is saved. */
  async resume(): Promise<void> {
    const left = await unsavedDocuments(this.#prefix).catch(() => []);
    await Promise.all(left.map(({ name }) => this.release(this.open(name))));
  }

  /** Ends the session, and removes the copies on this device if everything in them is saved. */
  async signOut(): Promise<void> {
    const left = await unsavedDocuments(this.#prefix).catch(() => null);
    session.end();
    this.close();
    if (left?.length === 0) await deleteLocalCopies(this.#prefix).catch(() => {});
  }

  close(): void {
    this.client.close();
    this.providers.set([]);
  }

  #publish(): void {
    const open = [...this.#uses.keys()];
    if (!sameList(open, this.providers.get())) this.providers.set(open);
  }
}

/** The address of the socket of the server that served the page. */
export function socketUrl(location: { protocol: string; host: string }): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}

const Context = createContext<DocumentSession | null>(null);

/** Holds one connection for as long as somebody is signed in. */
export function DocumentSessionProvider({ of, children }: { of: Session; children: ReactNode }) {
  const userId = of.user.id;
  const [documents, setDocuments] = useState<DocumentSession | null>(null);
  useEffect(() => {
    const opened = new DocumentSession(userId);
    setDocuments(opened);
    void opened.resume();
    return () => opened.close();
  }, [userId]);
  useReconnection(documents, of);
  if (!documents) return null;
  return <Context value={documents}>{children}</Context>;
}

/** Connects anew under another name or token: others see the name that one had when the socket opened. */
function useReconnection(documents: DocumentSession | null, of: Session): void {
  const connected = useRef(of);
  useEffect(() => {
    if (connected.current === of) return;
    connected.current = of;
    documents?.client.reconnect();
  }, [documents, of]);
}

export function useDocumentSession(): DocumentSession {
  const documents = use(Context);
  if (!documents) throw new Error("useDocumentSession needs a DocumentSessionProvider above it");
  return documents;
}

interface ReadonlyObservable<T> {
  readonly value: T;
  subscribe(listener: (value: T) => void): () => void;
}

/** Reads an observable of the client. */
export function useObservable<T>(observable: ReadonlyObservable<T>): T {
  const store = useMemo(
    () => ({
      subscribe: (changed: () => void) => observable.subscribe(changed),
      get: () => observable.value,
    }),
    [observable],
  );
  return useStore(store);
}

/** A document for as long as the component is mounted; null before the first effect. */
export function useDocument(name: string): Provider | null {
  const documents = useDocumentSession();
  const [provider, setProvider] = useState<Provider | null>(null);
  useEffect(() => {
    const opened = documents.open(name);
    setProvider(opened);
    return () => {
      setProvider(null);
      void documents.release(opened);
    };
  }, [documents, name]);
  return provider;
}

/** The document of a node on a canvas, for as long as the component is mounted. */
export function useNodeDocument(nodeId: string, canvas: Provider): AwaitedDocument | null {
  const documents = useDocumentSession();
  const [document, setDocument] = useState<AwaitedDocument | null>(null);
  useEffect(() => {
    const opened = documents.openNode(nodeId, canvas);
    setDocument(opened);
    return () => {
      setDocument(null);
      documents.closeNode(opened);
    };
  }, [documents, nodeId, canvas]);
  return document;
}

/** The present replica of a document. It changes when its history was replaced on the server. */
export function useReplica(provider: Provider): Replica {
  return useObservable(provider.replica);
}

/** Whether the local copy was read, or the server's content is here: only then may "empty" be believed. */
export function useIsReady(provider: Provider): { loaded: boolean; synced: boolean } {
  const synced = useObservable(provider.synced);
  const { doc } = useReplica(provider);
  const [loaded, setLoaded] = useState<Y.Doc | null>(null);
  useEffect(() => {
    let current = true;
    void provider.whenLoaded.then(() => current && setLoaded(doc));
    return () => {
      current = false;
    };
  }, [provider, doc]);
  return { loaded: loaded === doc, synced };
}
