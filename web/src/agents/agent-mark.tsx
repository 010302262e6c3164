import { Icon } from "../ui/icon";

/** The sign of an agent: a rounded square, with a fine moving ring while it works. */
export function AgentMark({ isAtWork, size = 28 }: { isAtWork: boolean; size?: number }) {
  return (
    <span
      aria-hidden
      className={`grid shrink-0 place-items-center rounded-lg bg-accent-soft text-accent ${isAtWork ? "at-work" : ""}`}
      style={{ width: size, height: size }}
    >
      <Icon name="spark" size={Math.round(size * 0.6)} />
    </span>
  );
}
