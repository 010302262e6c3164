import { initials } from "../lib/text";
import { useName } from "./canvas-context";

/** Who made a node: a person is round, an agent is a rounded square. */
export function AuthorMark({ agent, userId }: { agent: boolean; userId: string }) {
  const name = useName(userId);
  const label = agent ? `Made by an agent${name ? ` of ${name}` : ""}` : `Made by ${name ?? "a person"}`;
  return (
    <span
      role="img"
      aria-label={label}
      title={label}
      className={`grid size-[22px] shrink-0 place-items-center border border-line bg-sunken text-[9px] font-semibold text-muted ${agent ? "rounded-md" : "rounded-full"}`}
    >
      {agent ? "AI" : initials(name ?? "")}
    </span>
  );
}
