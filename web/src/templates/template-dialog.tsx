import { type FormEvent, useState } from "react";
import { messageOf } from "../api/http";
import { type Template, useApplyTemplate, useTemplates } from "../api/templates";
import { useCanvasScope } from "../canvas/canvas-context";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";
import { Icon } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { Notice } from "../ui/notice";

interface TemplateDialogProps {
  orgId: string | undefined;
  open: boolean;
  onClose: () => void;
}

/** Begins with nodes that somebody has prepared. */
export function TemplateDialog({ orgId, open, onClose }: TemplateDialogProps) {
  return (
    <Dialog
      title="New from a template"
      description="Its nodes, edges and inputs come together, and can be changed like any others."
      open={open}
      onClose={onClose}
      wide
    >
      <Applying orgId={orgId} onDone={onClose} />
    </Dialog>
  );
}

/** Chooses a template; then what it asks for, if it asks for anything. */
function Applying({ orgId, onDone }: { orgId: string | undefined; onDone: () => void }) {
  const { flow, projectId, stage } = useCanvasScope();
  const apply = useApplyTemplate(projectId);
  const [chosen, setChosen] = useState<Template | null>(null);
  const begin = (template: Template, parameters: Record<string, string>) => {
    const { x, y } = stage.get()?.placeForNew() ?? { x: 0, y: 0 };
    apply.mutate(
      { id: template.id, position: { x: Math.round(x), y: Math.round(y) }, parameters },
      {
        onSuccess: ({ nodes }) => {
          flow.select(nodes.map(({ id }) => id));
          onDone();
        },
      },
    );
  };
  const choose = (template: Template) => {
    apply.reset();
    if (template.structure.parameters?.length) setChosen(template);
    else begin(template, {});
  };
  return (
    <>
      <FormError>{apply.error && messageOf(apply.error)}</FormError>
      {chosen ? (
        <Parameters
          template={chosen}
          isPending={apply.isPending}
          onBack={() => setChosen(null)}
          onSubmit={(values) => begin(chosen, values)}
        />
      ) : (
        <Choice orgId={orgId} isPending={apply.isPending} onChoose={choose} />
      )}
    </>
  );
}

interface ChoiceProps {
  orgId: string | undefined;
  isPending: boolean;
  onChoose: (template: Template) => void;
}

function Choice({ orgId, isPending, onChoose }: ChoiceProps) {
  const templates = useTemplates(orgId);
  return (
    <Loaded what="The templates" query={templates} lines={4}>
      {(list) =>
        list.length === 0 ? (
          <Notice icon="template" title="No template yet">
            Select nodes that work well together, and make a template of them.
          </Notice>
        ) : (
          <ul aria-label="Templates" className="grid gap-2 sm:grid-cols-2">
            {list.map((template) => (
              <li key={template.id}>
                <button
                  type="button"
                  disabled={isPending}
                  onClick={() => onChoose(template)}
                  className="grid h-full w-full content-start gap-1 rounded-xl border border-line p-3 text-left hover:border-accent disabled:opacity-60"
                >
                  <span className="flex items-center gap-2 text-sm font-medium">
                    <Icon name="template" />
                    <span className="min-w-0 flex-1 truncate">{template.name}</span>
                    <span className="shrink-0 text-xs font-normal text-muted">
                      {plural(template.structure.nodes?.length ?? 0, "node")}
                    </span>
                  </span>
                  <span className="line-clamp-3 text-[13px] text-muted">{template.description}</span>
                </button>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

interface ParametersProps {
  template: Template;
  isPending: boolean;
  onBack: () => void;
  onSubmit: (values: Record<string, string>) => void;
}

function Parameters({ template, isPending, onBack, onSubmit }: ParametersProps) {
  const parameters = template.structure.parameters ?? [];
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter.default ?? ""])),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit(values);
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <p className="text-sm font-medium">{template.name}</p>
      {parameters.map(({ name, label }) => (
        <Field
          key={name}
          label={label || name}
          required
          value={values[name] ?? ""}
          onChange={(event) => setValues({ ...values, [name]: event.target.value })}
        />
      ))}
      <div className="flex justify-end gap-2">
        <Button onClick={onBack}>Back</Button>
        <Button type="submit" look="primary" disabled={isPending}>
          {isPending ? "Adding…" : "Add the nodes"}
        </Button>
      </div>
    </form>
  );
}
