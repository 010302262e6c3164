import { useMemo } from "react";
import { RunActivity } from "../agents/run-activity";
import { followLink, type ProjectView } from "../app/router";
import { useStore } from "../lib/external-store";
import { Bell } from "../notifications/bell";
import { AccountMenu } from "../projects/account-menu";
import { StateLine } from "../state-line/state-line";
import { Avatar, AvatarRow } from "../ui/avatar";
import { Button, IconButton } from "../ui/button";
import { Icon, type IconName } from "../ui/icon";
import { Menu } from "../ui/menu";
import { useCanvasScope } from "./canvas-context";
import { MOD } from "./shortcuts";
import { ViewSwitch } from "./view-switch";

/** What the header offers to do, besides finding things. */
export interface HeaderAction {
  label: string;
  icon: IconName;
  shortcut?: string;
  run: () => void;
}

interface HeaderProps {
  name: string;
  view: ProjectView;
  onPalette: () => void;
  actions: readonly HeaderAction[];
}

/** The thin header of a project: where I am, what is saved, who is here. */
export function ProjectHeader({ name, view, onPalette, actions }: HeaderProps) {
  return (
    <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line bg-surface px-3 max-sm:gap-1">
      <a
        href="/"
        onClick={followLink}
        aria-label="All projects"
        title="All projects"
        className="grid size-8 shrink-0 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink"
      >
        <Icon name="back" />
      </a>
      <h1 className="max-w-[24vw] truncate text-[15px] font-semibold max-sm:max-w-[13vw] max-sm:min-w-8">
        {name}
      </h1>
      <ViewSwitch view={view} />
      <div className="mx-1 h-4 w-px shrink-0 bg-line max-sm:hidden" />
      <StateLine />
      <div className="flex-1" />
      <RunActivity />
      <PeopleHere />
      <Button
        look="quiet"
        onClick={onPalette}
        title={`Find a node, a file or an action (${MOD}K)`}
        className="max-lg:hidden"
      >
        <Icon name="search" /> Find <kbd className="text-xs">{MOD}K</kbd>
      </Button>
      <IconButton
        icon="search"
        label="Find a node, a file or an action"
        onClick={onPalette}
        className="lg:hidden"
      />
      <span className="flex max-lg:hidden">
        {actions.map(({ label, icon, shortcut, run }) => (
          <IconButton key={label} icon={icon} label={label} shortcut={shortcut} onClick={run} />
        ))}
      </span>
      <Menu
        trigger={<IconButton icon="more" label="More of this project" className="lg:hidden" />}
        items={actions.map(({ run, ...item }) => ({
          ...item,
          // Once the menu has given the focus back.
          onSelect: () => window.setTimeout(run),
        }))}
      />
      <Bell />
      <AccountMenu />
    </header>
  );
}

/** How many agents are named with what they do; of more, only the faces are shown. */
const NAMED_AGENTS_MAX = 2;

/** Everybody else who has the project open, and what agents among them do. I am in the account menu. */
function PeopleHere() {
  const { presence, userId } = useCanvasScope();
  const people = useStore(presence.people);
  const others = useMemo(() => people.filter((person) => person.id !== userId), [people, userId]);
  const agents = others.filter(({ kind }) => kind === "agent");
  const areNamed = agents.length <= NAMED_AGENTS_MAX;
  const faces = areNamed ? others.filter(({ kind }) => kind !== "agent") : others;
  return (
    <div role="group" aria-label="People here" className="flex items-center gap-3">
      {areNamed &&
        agents.map((agent) => (
          <span key={agent.id} className="flex min-w-0 items-center gap-2 text-xs">
            <Avatar person={agent} size={22} />
            <span aria-hidden className="max-w-44 truncate max-xl:hidden">
              <span className="font-medium">{agent.name}</span>
              {agent.activity && <span className="text-muted"> {agent.activity}</span>}
            </span>
          </span>
        ))}
      <AvatarRow people={faces} size={26} />
    </div>
  );
}
