import type { CSSProperties } from "react";
import type { Person } from "../presence/peers";

/** What a badge of somebody looks like. */
export function badgeStyle({ color, look = "filled" }: Pick<Person, "color" | "look">): CSSProperties {
  if (look === "filled") return { background: color, color: readableOn(color) };
  const style = look === "outlined" ? "solid" : "dashed";
  return { background: "var(--color-surface)", color: "var(--color-ink)", border: `2px ${style} ${color}` };
}

/** Black or white, whichever reads better on a `#rrggbb` colour. Other notations get white. */
export function readableOn(color: string): string {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  if (!match) return "#ffffff";
  const [red, green, blue] = match.slice(1).map((hex) => linear(Number.parseInt(hex, 16) / 255));
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? "#ffffff" : "#111111";
}

function linear(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}
