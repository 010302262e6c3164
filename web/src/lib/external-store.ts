import { useSyncExternalStore } from "react";

/** What `useSyncExternalStore` needs: the value now, and word when it changes. */
export interface Store<T> {
  subscribe(listener: () => void): () => void;
  get(): T;
}

/** Reads a store, and renders again when its value changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/**
 * A view of something that is kept elsewhere. `read` runs only after `watch` reported a change (or while nobody
 * watches), and a result that equals the last one keeps its identity, so that nothing renders in vain.
 */
export function derivedStore<T>(
  watch: (changed: () => void) => () => void,
  read: () => T,
  equal: (a: T, b: T) => boolean = sameData,
): Store<T> {
  const listeners = new Set<() => void>();
  let unwatch: (() => void) | null = null;
  let current: { value: T } | null = null;
  let dirty = true;

  const get = (): T => {
    if (current && !dirty) return current.value;
    const value = read();
    if (!current || !equal(current.value, value)) current = { value };
    dirty = unwatch === null;
    return current.value;
  };
  const changed = () => {
    dirty = true;
    for (const listener of listeners) listener();
  };
  const subscribe = (listener: () => void) => {
    if (!unwatch) {
      unwatch = watch(changed);
      dirty = true;
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        unwatch?.();
        unwatch = null;
        dirty = true;
      }
    };
  };
  return { subscribe, get };
}

/** A value that is set from outside React. */
export class Value<T> implements Store<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get = (): T => this.#value;

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** Whether two values are the same, or are plain data with the same content. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameData(item, b[i]));
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameData(a[key], b[key]));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Whether two lists hold the same things in the same order. */
export function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]));
}
