import { createContext, type ReactNode, use, useCallback, useEffect, useState } from "react";
import { IconButton } from "./button";

const SHOWN_FOR_MS = 6000;

const Context = createContext<(message: string) => void>(() => {});

/** Says why something that was asked for did not happen. What is saved is the state line's to say. */
export function useSay(): (message: string) => void {
  return use(Context);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toast, setToast] = useState<{ message: string } | null>(null);
  const say = useCallback((message: string) => setToast({ message }), []);
  useEffect(() => {
    if (!toast) return;
    const timer = window.setTimeout(() => setToast(null), SHOWN_FOR_MS);
    return () => window.clearTimeout(timer);
  }, [toast]);
  return (
    <Context value={say}>
      {children}
      <div
        aria-live="assertive"
        className="pointer-events-none fixed inset-x-0 bottom-6 z-50 flex justify-center px-4"
      >
        {toast && (
          <div className="pointer-events-auto flex max-w-xl animate-rise items-center gap-2 rounded-xl border border-line bg-raised py-2 pr-2 pl-4 text-sm shadow-float">
            <span>{toast.message}</span>
            <IconButton icon="close" label="Dismiss" onClick={() => setToast(null)} />
          </div>
        )}
      </div>
    </Context>
  );
}
