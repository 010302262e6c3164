import { type FormEvent, useMemo, useState } from "react";
import { useCanvasScope } from "../canvas/canvas-context";
import { titleOf } from "../documents/canvas";
import type { NewItem } from "../documents/node";
import { Button } from "../ui/button";
import { NodePicker } from "./connections";
import { webAddress } from "./web-address";

interface FormProps {
  onAdd: (item: NewItem) => void;
  onCancel: () => void;
}

const BOX = "flex flex-wrap items-center gap-2 rounded-xl border border-line p-3";

/** Asks for the address of a new link. */
export function NewLinkForm({ onAdd, onCancel }: FormProps) {
  const [address, setAddress] = useState("");
  const url = webAddress(address);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (url) onAdd({ kind: "link", label: "", url });
  };
  return (
    <form onSubmit={submit} className={BOX}>
      <input
        // biome-ignore lint/a11y/noAutofocus: it was asked for just now
        autoFocus
        aria-label="Address of the link"
        placeholder="https://…"
        value={address}
        onChange={(event) => setAddress(event.target.value)}
        className="h-8 min-w-0 flex-1 rounded-lg border border-line-strong bg-surface px-2 text-[13px]"
      />
      <Button type="submit" look="primary" disabled={!url}>
        Add link
      </Button>
      <Button look="quiet" onClick={onCancel}>
        Cancel
      </Button>
    </form>
  );
}

/** Asks which node a new reference names. */
export function NewReferenceForm({ onAdd, onCancel }: FormProps) {
  const { canvas } = useCanvasScope();
  const nobody = useMemo(() => new Set<string>(), []);
  return (
    <div className={BOX}>
      <div className="min-w-0 flex-1">
        <NodePicker
          label="Node to refer to"
          except={nobody}
          onPick={(sourceNodeId) =>
            onAdd({ kind: "node", label: titleOf(canvas.node(sourceNodeId)), sourceNodeId })
          }
        />
      </div>
      <Button look="quiet" onClick={onCancel}>
        Cancel
      </Button>
    </div>
  );
}
