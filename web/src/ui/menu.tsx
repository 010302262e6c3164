import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon";

export interface MenuItem {
  label: string;
  icon?: IconName;
  shortcut?: string;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

/** A menu under its trigger. */
export function Menu({
  trigger,
  items,
  heading,
}: {
  trigger: ReactNode;
  items: MenuItem[];
  heading?: ReactNode;
}) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={6}
          className="z-50 min-w-48 animate-rise rounded-xl border border-line bg-raised p-1 shadow-float"
        >
          {heading && <div className="border-b border-line px-3 py-2 text-[13px] text-muted">{heading}</div>}
          {items.map((item) => (
            <Radix.Item
              key={item.label}
              disabled={item.disabled}
              onSelect={item.onSelect}
              className={`flex items-center gap-3 rounded-lg px-3 py-1.5 text-[13px] outline-none data-disabled:opacity-40 data-highlighted:bg-hover ${item.danger ? "text-danger" : "text-ink"}`}
            >
              {item.icon && <Icon name={item.icon} />}
              <span className="flex-1">{item.label}</span>
              {item.shortcut && <kbd className="text-xs text-muted">{item.shortcut}</kbd>}
            </Radix.Item>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
