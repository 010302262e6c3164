import { type FormEvent, type KeyboardEvent, useState } from "react";
import { type Execution, useExecutionChanges } from "../api/executions";
import { messageOf } from "../api/http";
import { useModels } from "../api/models";
import { useOrganization, useProject } from "../api/queries";
import { useTemplates } from "../api/templates";
import { useCanvasScope } from "../canvas/canvas-context";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { AreaField, Field, FormError, SelectField } from "../ui/field";
import { Icon } from "../ui/icon";
import { Segments } from "../ui/segments";
import { hasMore, optionsOf, type RunForm } from "./run-options";

const INSTRUCTIONS_LENGTH_MAX = 20_000;
const NAME_LENGTH_MAX = 80;
/** The fewest tokens with which a run gets anywhere. */
const BUDGET_MIN = 1_000;

interface RunDialogProps {
  /** Null: the dialog is closed. */
  nodeId: string | null;
  /** What is filled in already. */
  first: RunForm;
  /** The run that is at work on the node already. */
  current: Execution | null;
  onClose: () => void;
  onBegun: (execution: Execution) => void;
}

/** Asks how an agent is to go about a node. */
export function RunDialog({ nodeId, onClose, ...rest }: RunDialogProps) {
  return (
    <Dialog
      title="Run an agent"
      description="It reads this node and what leads to it, and works beside you: you see each step, and can stop it at any time."
      open={nodeId !== null}
      onClose={onClose}
    >
      {nodeId && <Asking nodeId={nodeId} {...rest} />}
    </Dialog>
  );
}

function Asking({ nodeId, first, current, onBegun }: Omit<RunDialogProps, "onClose"> & { nodeId: string }) {
  const { run } = useExecutionChanges();
  const [form, setForm] = useState<RunForm>({ ...first, isPatient: current !== null });
  const change = (changes: Partial<RunForm>) => setForm({ ...form, ...changes });
  const begin = () => {
    if (!run.isPending) run.mutate({ nodeId, options: optionsOf(form) }, { onSuccess: onBegun });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) begin();
  };
  return (
    <form onSubmit={submit} onKeyDown={onKeyDown} className="grid gap-4">
      <AreaField
        label="Instructions"
        hint="What the title and the body of the node do not say. May be left empty."
        maxLength={INSTRUCTIONS_LENGTH_MAX}
        placeholder="Be brief, and name your sources."
        value={form.instructions}
        onChange={(event) => change({ instructions: event.target.value })}
      />
      <Ways form={form} onChange={change} />
      {current && (
        <Check
          label={`Wait until ${current.agentName} is done here`}
          isOn={form.isPatient}
          onChange={(isPatient) => change({ isPatient })}
        />
      )}
      <details open={hasMore(first)} className="group rounded-xl border border-line">
        <summary className="flex h-9 list-none items-center gap-2 rounded-xl px-3 text-[13px] font-medium text-muted hover:text-ink">
          <span className="transition-transform duration-100 group-open:rotate-90">
            <Icon name="fold" size={14} />
          </span>
          More options
        </summary>
        <More form={form} isBusy={current !== null} onChange={change} />
      </details>
      <div className="sticky -bottom-6 -mx-6 -mb-6 grid gap-3 bg-raised px-6 pt-2 pb-6">
        <FormError>{run.error && messageOf(run.error)}</FormError>
        <Button type="submit" look="primary" disabled={run.isPending}>
          <Icon name="play" size={14} /> {run.isPending ? "Beginning…" : "Run"}
        </Button>
      </div>
    </form>
  );
}

interface PartProps {
  form: RunForm;
  onChange: (changes: Partial<RunForm>) => void;
}

const MODES = [
  { value: "write", label: "Writes" },
  { value: "propose", label: "Proposes" },
] as const;
const TARGETS = [
  { value: "output", label: "An output" },
  { value: "body", label: "The body" },
] as const;

function Ways({ form, onChange }: PartProps) {
  return (
    <div className="flex flex-wrap gap-x-6 gap-y-3">
      <div className="grid justify-items-start gap-1">
        <span className="text-[13px] font-medium">The agent</span>
        <Segments
          label="Whether the agent writes or proposes"
          value={form.mode}
          options={MODES}
          onChange={(mode) => onChange({ mode })}
        />
      </div>
      {form.mode === "write" ? (
        <div className="grid justify-items-start gap-1">
          <span className="text-[13px] font-medium">What it works on</span>
          <Segments
            label="Where the result goes"
            value={form.target}
            options={TARGETS}
            onChange={(target) => onChange({ target })}
          />
        </div>
      ) : (
        <p className="min-w-40 flex-1 self-end text-xs text-muted">
          The texts stay as they are. Each edit is shown in the node, until somebody accepts or rejects it.
        </p>
      )}
    </div>
  );
}

function More({ form, isBusy, onChange }: PartProps & { isBusy: boolean }) {
  const { projectId } = useCanvasScope();
  const orgId = useProject(projectId).data?.orgId;
  const models = useModels(orgId).data ?? [];
  const templates = useTemplates(orgId).data ?? [];
  const preferred = useOrganization(orgId ?? "").data?.settings?.defaultModel;
  return (
    <div className="grid gap-4 px-3 pt-1 pb-3">
      <div className="grid grid-cols-2 gap-3">
        <Field
          label="Name of the agent"
          placeholder="Agent"
          maxLength={NAME_LENGTH_MAX}
          value={form.agentName}
          onChange={(event) => onChange({ agentName: event.target.value })}
        />
        <Field
          label="Tokens at most"
          type="number"
          min={BUDGET_MIN}
          step={1}
          inputMode="numeric"
          placeholder="As usual"
          value={form.tokenBudget}
          onChange={(event) => onChange({ tokenBudget: event.target.value })}
        />
        <SelectField
          label="Model"
          value={form.model}
          onChange={(event) => onChange({ model: event.target.value })}
        >
          <option value="">{preferred ? `As usual (${preferred})` : "As usual"}</option>
          {models.map(({ name, isDemo }) => (
            <option key={name} value={name}>
              {isDemo ? `${name} (plays a model)` : name}
            </option>
          ))}
        </SelectField>
        <SelectField
          label="As a template says"
          value={form.templateId}
          onChange={(event) => onChange({ templateId: event.target.value })}
        >
          <option value="">No template</option>
          {templates
            .filter(({ agentConfig }) => agentConfig && Object.keys(agentConfig).length > 0)
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
        </SelectField>
      </div>
      <div className="grid gap-2">
        <Check
          label="Make a plan first"
          isOn={form.isPlanning}
          onChange={(isPlanning) => onChange({ isPlanning })}
        />
        <Check
          label="Run agents on the nodes that it makes, too"
          isOn={form.runsSubnodes}
          onChange={(runsSubnodes) => onChange({ runsSubnodes })}
        />
        {!isBusy && (
          <Check
            label="If an agent is at work here by then, wait for it"
            isOn={form.isPatient}
            onChange={(isPatient) => onChange({ isPatient })}
          />
        )}
      </div>
    </div>
  );
}

function Check({
  label,
  isOn,
  onChange,
}: {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    <label className="flex items-center gap-2 text-[13px]">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}
