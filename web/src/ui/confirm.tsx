import type { ReactNode } from "react";
import { messageOf } from "../api/http";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { FormError } from "./field";

interface ConfirmProps {
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** The word for doing it. */
  action: string;
  danger?: boolean;
  open: boolean;
  isPending?: boolean;
  error?: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that others feel. */
export function Confirm(props: ConfirmProps) {
  return (
    <Dialog title={props.title} open={props.open} onClose={props.onClose}>
      <div className="text-sm text-pretty">{props.children}</div>
      <FormError>{props.error ? messageOf(props.error) : null}</FormError>
      <div className="flex justify-end gap-2">
        <Button onClick={props.onClose}>Cancel</Button>
        <Button
          look={props.danger ? "danger" : "primary"}
          disabled={props.isPending}
          onClick={props.onConfirm}
        >
          {props.isPending ? "One moment…" : props.action}
        </Button>
      </div>
    </Dialog>
  );
}
