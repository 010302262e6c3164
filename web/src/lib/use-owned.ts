import { useEffect, useState } from "react";

/**
 * An object that `make` makes of `from` when the component appears or `from` changes, and that is destroyed with
 * it; null before that. `make` must be the same function each time.
 */
export function useOwned<From, T extends { destroy(): void }>(make: (from: From) => T, from: From): T | null {
  const [owned, setOwned] = useState<T | null>(null);
  useEffect(() => {
    const made = make(from);
    setOwned(made);
    return () => {
      setOwned(null);
      made.destroy();
    };
  }, [make, from]);
  return owned;
}
