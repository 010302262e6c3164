import type { ComponentProps } from "react";
import { Icon, type IconName } from "./icon";

type Look = "primary" | "plain" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent-solid text-white hover:brightness-110",
  plain: "border border-line bg-raised text-ink hover:bg-hover",
  quiet: "text-muted hover:bg-hover hover:text-ink",
  danger: "border border-line bg-raised text-danger hover:bg-danger-soft",
};
const SHAPE =
  "inline-flex h-8 items-center justify-center gap-2 rounded-lg px-3 text-[13px] font-medium whitespace-nowrap " +
  "transition-colors duration-100 disabled:opacity-50";

export function Button({
  look = "plain",
  className = "",
  ...rest
}: ComponentProps<"button"> & { look?: Look }) {
  return <button type="button" className={`${SHAPE} ${LOOKS[look]} ${className}`} {...rest} />;
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children"> {
  icon: IconName;
  /** What it does: the accessible name and the tooltip. */
  label: string;
  /** The key that does the same, shown in the tooltip. */
  shortcut?: string;
}

export function IconButton({ icon, label, shortcut, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
      className={`inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted transition-colors duration-100 hover:bg-hover hover:text-ink disabled:opacity-40 aria-pressed:bg-accent-soft aria-pressed:text-accent ${className}`}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
