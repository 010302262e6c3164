import { useState } from "react";
import { costWords, count } from "../agents/words";
import { isMissing } from "../api/executions";
import { messageOf } from "../api/http";
import { type Model, useModelChanges, useModels } from "../api/models";
import type { Organization } from "../api/types";
import { Button, IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Menu } from "../ui/menu";
import { Notice } from "../ui/notice";
import { Pill } from "../ui/status-pill";
import { useSay } from "../ui/toast";
import { Card } from "./card";
import { ModelDialog } from "./model-dialog";

/** The models that agents of the organization may use, and which one they use. */
export function ModelsSection({ organization }: { organization: Organization }) {
  const models = useModels(organization.id);
  const { remove } = useModelChanges(organization.id);
  const [editing, setEditing] = useState<Model | "new" | null>(null);
  const [removing, setRemoving] = useState<Model | null>(null);
  if (isMissing(models.error)) {
    return (
      <Notice icon="spark" title="This server has no agents">
        They come with a newer version of it.
      </Notice>
    );
  }
  return (
    <Card
      title="Models"
      hint="Any address that speaks OpenAI's chat completions: a provider's, or a server of your own."
      action={
        <Button look="primary" onClick={() => setEditing("new")}>
          <Icon name="plus" /> New model
        </Button>
      }
    >
      <Loaded what="The models" query={models}>
        {(list) => (
          <>
            <DemoNote models={list} />
            <ul aria-label="Models" className="grid">
              {list.map((model) => (
                <Row
                  key={model.id ?? `server ${model.name}`}
                  model={model}
                  organization={organization}
                  onEdit={() => setEditing(model)}
                  onRemove={() => setRemoving(model)}
                />
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <ModelDialog
        orgId={organization.id}
        model={editing}
        others={models.data ?? []}
        onClose={() => setEditing(null)}
      />
      <Confirm
        title={`Delete ${removing?.name}?`}
        action="Delete"
        danger
        open={removing !== null}
        isPending={remove.isPending}
        error={remove.error}
        onClose={() => {
          remove.reset();
          setRemoving(null);
        }}
        onConfirm={() => {
          if (removing?.id) remove.mutate(removing.id, { onSuccess: () => setRemoving(null) });
        }}
      >
        Runs that are at work with it end with it. What runs wrote, and what it cost, stays known.
      </Confirm>
    </Card>
  );
}

/** Says plainly when what answers only plays a model. */
function DemoNote({ models }: { models: readonly Model[] }) {
  if (!models.some(({ isDemo }) => isDemo) || models.some(({ isDemo }) => !isDemo)) return null;
  return (
    <p className="flex items-start gap-2.5 rounded-xl bg-info-soft px-4 py-3 text-[13px] text-info">
      <span className="mt-0.5">
        <Icon name="spark" />
      </span>
      No model is configured, so the demo model answers. It plays a model: it follows a script, uses every
      kind of tool, costs nothing and knows nothing. Add a model to have agents that think.
    </p>
  );
}

interface RowProps {
  model: Model;
  organization: Organization;
  onEdit: () => void;
  onRemove: () => void;
}

function Row({ model, organization, onEdit, onRemove }: RowProps) {
  const { setDefault } = useModelChanges(organization.id);
  const say = useSay();
  const chosen = organization.settings?.defaultModel ?? null;
  const isDefault = chosen === model.name || (chosen === null && model.id === null);
  const choose = () =>
    setDefault.mutate(model.id === null ? null : model.name, { onError: (error) => say(messageOf(error)) });
  return (
    <li className="flex min-h-14 items-center gap-3 border-b border-line py-2 last:border-0">
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-2">
          <span className="truncate text-sm font-medium">{model.name}</span>
          {isDefault && <Pill look="info">Used by default</Pill>}
          {model.isDemo && <Pill look="warn">Plays a model</Pill>}
          {model.id === null && !model.isDemo && <Pill look="quiet">Of this server</Pill>}
        </span>
        <span className="block truncate text-xs text-muted">{whereOf(model)}</span>
        <span className="block truncate text-xs text-muted tabular-nums">{factsOf(model)}</span>
      </span>
      {!isDefault && (
        <Button aria-label={`Use ${model.name} by default`} disabled={setDefault.isPending} onClick={choose}>
          Use by default
        </Button>
      )}
      {model.id !== null && (
        <Menu
          trigger={<IconButton icon="more" label={`Actions for ${model.name}`} />}
          items={[
            { label: "Edit…", icon: "settings", onSelect: onEdit },
            { label: "Delete…", icon: "trash", danger: true, onSelect: onRemove },
          ]}
        />
      )}
    </li>
  );
}

function whereOf({ isDemo, model, baseUrl }: Model): string {
  if (isDemo) return "Scripted, inside this server";
  return baseUrl === null ? "Set up by whoever runs this server" : `${model} at ${baseUrl}`;
}

/** Its prices and sizes; a price that nobody has entered is unknown. */
export function factsOf(model: Model): string {
  const { usdPerMillionIn, usdPerMillionOut, contextTokens, outputTokens, fallbacks, isDemo } = model;
  const prices =
    usdPerMillionIn === null && usdPerMillionOut === null
      ? "Price unknown"
      : `${costWords(usdPerMillionIn)} in, ${costWords(usdPerMillionOut)} out per million tokens`;
  const facts = [
    isDemo ? "Costs nothing" : prices,
    contextTokens > 0 && `reads ${count(contextTokens)}`,
    outputTokens > 0 && `writes ${count(outputTokens)}`,
    fallbacks.length > 0 && `else ${fallbacks.join(", ")}`,
  ];
  return facts.filter(Boolean).join(" · ");
}
