import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon";

/** A place that is empty, or an error that fills it: what it is, and the first step. */
export function Notice(props: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="mx-auto grid max-w-sm justify-items-center gap-3 px-4 py-8 text-center">
      <span className="grid size-12 place-items-center rounded-2xl bg-sunken text-muted">
        <Icon name={props.icon} size={20} />
      </span>
      <h2 className="text-base font-semibold">{props.title}</h2>
      {props.children && <p className="text-sm text-pretty text-muted">{props.children}</p>}
      {props.action}
    </div>
  );
}
