import { useMemo } from "react";
import { followLink, type ProjectView } from "../app/router";
import { useStore } from "../lib/external-store";
import { AccountMenu } from "../projects/account-menu";
import { StateLine } from "../state-line/state-line";
import { AvatarRow } from "../ui/avatar";
import { Button, IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { useCanvasScope } from "./canvas-context";
import { MOD } from "./shortcuts";
import { ViewSwitch } from "./view-switch";

interface HeaderProps {
  name: string;
  view: ProjectView;
  onPalette: () => void;
  onMembers: () => void;
  onTrash: () => void;
  onKeys: () => void;
}

/** The thin header of a project: where I am, what is saved, who is here. */
export function ProjectHeader({ name, view, onPalette, onMembers, onTrash, onKeys }: HeaderProps) {
  return (
    <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line bg-surface px-3 max-sm:gap-1">
      <a
        href="/"
        onClick={followLink}
        aria-label="All projects"
        title="All projects"
        className="grid size-8 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink"
      >
        <Icon name="back" />
      </a>
      <h1 className="max-w-[30vw] truncate text-[15px] font-semibold max-sm:min-w-12">{name}</h1>
      <ViewSwitch view={view} />
      <div className="mx-1 h-4 w-px shrink-0 bg-line max-sm:hidden" />
      <StateLine />
      <div className="flex-1" />
      <PeopleHere />
      <Button
        look="quiet"
        onClick={onPalette}
        title={`Find a node or an action (${MOD}K)`}
        className="max-sm:hidden"
      >
        <Icon name="search" /> Find <kbd className="text-xs">{MOD}K</kbd>
      </Button>
      <IconButton icon="search" label="Find a node or an action" onClick={onPalette} className="sm:hidden" />
      <IconButton icon="people" label="Project members" onClick={onMembers} className="max-sm:hidden" />
      <IconButton icon="trash" label="Trash" onClick={onTrash} className="max-sm:hidden" />
      <IconButton
        icon="keyboard"
        label="Keyboard and mouse"
        shortcut="?"
        onClick={onKeys}
        className="max-sm:hidden"
      />
      <AccountMenu />
    </header>
  );
}

/** Everybody else who has the project open. I am in the account menu. */
function PeopleHere() {
  const { presence, userId } = useCanvasScope();
  const people = useStore(presence.people);
  const others = useMemo(() => people.filter((person) => person.id !== userId), [people, userId]);
  return (
    <div role="group" aria-label="People here">
      <AvatarRow people={others} size={26} />
    </div>
  );
}
