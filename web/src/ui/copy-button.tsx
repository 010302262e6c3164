import { useEffect, useState } from "react";
import { Button } from "./button";
import { Icon } from "./icon";

const SHOWN_FOR_MS = 2_000;

/** Copies a text. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = window.setTimeout(() => setState("idle"), SHOWN_FOR_MS);
    return () => window.clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("failed");
    }
  };
  return (
    <Button onClick={() => void copy()} aria-label={label}>
      <Icon name={state === "copied" ? "check" : "copy"} />
      <span role="status" className="min-w-12">
        {state === "copied" ? "Copied" : state === "failed" ? "Select it" : "Copy"}
      </span>
    </Button>
  );
}
