/** A value that changes, and can be watched. Fits React's `useSyncExternalStore` as it is. */
export interface Observable<T> {
  /** The value now. The same object as long as nothing changed. */
  readonly value: T;
  /**
   * Calls `listener` with every new value from now on; not with the present one, which is `value`.
   * @returns a function that ends the subscription
   */
  subscribe(listener: (value: T) => void): () => void;
}

/** The writing side of an {@link Observable}. */
export class Subject<T> implements Observable<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Sets the value; listeners hear of it only if it is another one. A listener that throws stops no other. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        report(error);
      }
    }
  }

  subscribe = (listener: (value: T) => void): (() => void) => {
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  };
}

/** Shows an exception of the application's own code as uncaught, without unwinding the code that called it. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}
