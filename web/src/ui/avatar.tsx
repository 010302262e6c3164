import { initials, plural } from "../lib/text";
import type { Person } from "../presence/peers";
import { badgeStyle } from "./color";

/** Somebody: a person is round, an agent is a rounded square. */
export function Avatar({ person, size = 24, note }: { person: Person; size?: number; note?: string }) {
  const agent = person.kind === "agent";
  const isAtWork = agent && Boolean(person.activity) && !isWaiting(person.activity);
  const name = [`${person.name}${agent ? " (agent)" : ""}`, person.activity, note].filter(Boolean).join(", ");
  return (
    <span
      role="img"
      aria-label={name}
      title={name}
      className={`inline-flex shrink-0 items-center justify-center font-semibold ring-2 ring-surface select-none ${agent ? "rounded-md" : "rounded-full"} ${isAtWork ? "at-work" : ""}`}
      style={{
        width: size,
        height: size,
        fontSize: Math.max(9, size * 0.4),
        ...badgeStyle(person),
      }}
    >
      {initials(person.name)}
    </span>
  );
}

/** Whether an agent does nothing until a person does. */
export function isWaiting(activity: string | null | undefined): boolean {
  return activity?.startsWith("waiting") ?? false;
}

const SHOWN_AT_MOST = 5;

/** Those who are here, and how many more. */
export function AvatarRow({ people, size = 24 }: { people: readonly Person[]; size?: number }) {
  const shown = people.slice(0, SHOWN_AT_MOST);
  const more = people.length - shown.length;
  return (
    <span className="flex items-center -space-x-1">
      {shown.map((person) => (
        <Avatar key={person.id} person={person} size={size} />
      ))}
      {more > 0 && (
        <span className="pl-3 text-xs text-muted" title={plural(more, "more person", "more people")}>
          +{more}
        </span>
      )}
    </span>
  );
}
