import { type FormEvent, useId, useState } from "react";
import { useChangeOrganization } from "../api/organizations";
import { EVENT_SOURCING_LEVELS, type EventSourcingLevel, type Organization } from "../api/types";
import { Confirm } from "../ui/confirm";
import { Card } from "./card";
import { SaveRow } from "./save-row";
import { keepsLess, LEVEL_WORDS } from "./settings-form";

interface RetentionCardProps {
  organization: Organization;
  level: EventSourcingLevel;
}

/** What the organization keeps of the past. */
export function RetentionCard({ organization, level }: RetentionCardProps) {
  const change = useChangeOrganization(organization.id);
  const [chosen, setChosen] = useState<EventSourcingLevel | null>(null);
  const [isAsking, setIsAsking] = useState(false);
  const shown = chosen ?? level;
  const save = () =>
    change.mutate(
      { eventSourcingLevel: shown },
      {
        onSuccess: () => {
          setChosen(null);
          setIsAsking(false);
        },
      },
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (keepsLess(level, shown)) setIsAsking(true);
    else save();
  };
  return (
    <Card
      title="What is kept of the past"
      hint="Of everything that is written in the organization's projects. What is there now is kept in any case."
    >
      <form onSubmit={submit} className="grid gap-4">
        <Levels shown={shown} onChoose={setChosen} />
        <SaveRow change={isAsking ? { ...change, error: null } : change} isChanged={shown !== level} />
      </form>
      <Confirm
        title="Keep less of the past?"
        action="Keep less"
        danger
        open={isAsking}
        isPending={change.isPending}
        error={change.error}
        onClose={() => {
          change.reset();
          setIsAsking(false);
        }}
        onConfirm={save}
      >
        {LEVEL_WORDS[shown].meaning} What is kept beyond that goes in the hours that follow, in all projects
        of {organization.name}, and does not come back, whatever you choose later.
      </Confirm>
    </Card>
  );
}

interface LevelsProps {
  shown: EventSourcingLevel;
  onChoose: (level: EventSourcingLevel) => void;
}

function Levels({ shown, onChoose }: LevelsProps) {
  const id = useId();
  return (
    <fieldset className="grid gap-2">
      <legend className="sr-only">What is kept of the past</legend>
      {EVENT_SOURCING_LEVELS.map((level) => (
        <label
          key={level}
          className="flex items-start gap-3 rounded-xl border border-line p-3 hover:border-line-strong has-checked:border-accent"
        >
          <input
            type="radio"
            name={id}
            checked={level === shown}
            aria-labelledby={`${id}-${level}`}
            aria-describedby={`${id}-${level}-meaning`}
            onChange={() => onChoose(level)}
            className="mt-1"
          />
          <span className="grid gap-0.5">
            <span id={`${id}-${level}`} className="text-sm font-medium">
              {LEVEL_WORDS[level].label}
            </span>
            <span id={`${id}-${level}-meaning`} className="text-[13px] text-muted">
              {LEVEL_WORDS[level].meaning}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
