import { useMemo } from "react";
import type * as Y from "yjs";
import { derivedStore, type Store, useStore } from "../lib/external-store";

interface Observable {
  observe(listener: () => void): void;
  unobserve(listener: () => void): void;
  observeDeep(listener: () => void): void;
  unobserveDeep(listener: () => void): void;
}

/** A view of a shared type that follows it. `deep` also follows what is nested in it. */
export function sharedStore<S extends Observable, T>(
  type: S,
  read: (type: S) => T,
  options: { deep?: boolean } = {},
): Store<T> {
  return derivedStore(
    (changed) => {
      if (options.deep) {
        type.observeDeep(changed);
        return () => type.unobserveDeep(changed);
      }
      type.observe(changed);
      return () => type.unobserve(changed);
    },
    () => read(type),
  );
}

/** A value of a map, and again whenever it changes. */
export function useMapValue(map: Y.Map<unknown>, key: string): unknown {
  return useStore(useMemo(() => sharedStore(map, (shared) => shared.get(key)), [map, key]));
}

/** The text under a key; anything else reads as `otherwise`. */
export function useMapText(map: Y.Map<unknown>, key: string, otherwise = ""): string {
  const value = useMapValue(map, key);
  return typeof value === "string" ? value : otherwise;
}
