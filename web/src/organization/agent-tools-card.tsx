import { type FormEvent, useId, useState } from "react";
import { useChangeOrganization } from "../api/organizations";
import type { AgentPolicies, Organization } from "../api/types";
import { SelectField } from "../ui/field";
import { Card } from "./card";
import { SaveRow } from "./save-row";
import { areSameRules, type ToolRule, toolsFor, withRules } from "./settings-form";

interface AgentToolsCardProps {
  organization: Organization;
  policies: AgentPolicies;
}

/** What agents may do without asking. */
export function AgentToolsCard({ organization, policies }: AgentToolsCardProps) {
  const change = useChangeOrganization(organization.id);
  // Only what was chosen here: what others change meanwhile is shown, and stays.
  const [chosen, setChosen] = useState<{ requireApproval?: boolean; tools: Record<string, ToolRule> }>({
    tools: {},
  });
  const kept = policies.tools ?? {};
  const tools = withRules(kept, chosen.tools);
  const requireApproval = chosen.requireApproval ?? policies.requireApproval;
  const changes: Partial<AgentPolicies> = {
    ...(requireApproval !== policies.requireApproval && { requireApproval }),
    ...(!areSameRules(tools, kept) && { tools }),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ settings: { agentPolicies: changes } }, { onSuccess: () => setChosen({ tools: {} }) });
  };
  return (
    <Card
      title="What agents may do"
      hint="From the next run on. Whoever has started a run approves what its agent asks for, and so may the project's admins."
    >
      <form onSubmit={submit} className="grid gap-4">
        <Approval
          isRequired={requireApproval}
          onChange={(required) => setChosen({ ...chosen, requireApproval: required })}
        />
        <div role="group" aria-label="Single tools" className="grid gap-3 sm:grid-cols-2">
          {toolsFor(kept).map(({ name, label }) => (
            <SelectField
              key={name}
              label={label}
              value={tools[name] ?? "default"}
              onChange={(event) =>
                setChosen({
                  ...chosen,
                  tools: { ...chosen.tools, [name]: event.target.value as ToolRule },
                })
              }
            >
              <option value="default">As said above</option>
              <option value="allow">Allowed without asking</option>
              <option value="approve">Only when a person approves</option>
              <option value="deny">Not allowed</option>
            </SelectField>
          ))}
        </div>
        <SaveRow change={change} isChanged={Object.keys(changes).length > 0} />
      </form>
    </Card>
  );
}

interface ApprovalProps {
  isRequired: boolean;
  onChange: (isRequired: boolean) => void;
}

function Approval({ isRequired, onChange }: ApprovalProps) {
  const id = useId();
  return (
    <div className="grid gap-1">
      <label className="flex items-center gap-2 text-[13px] font-medium">
        <input
          type="checkbox"
          aria-describedby={id}
          checked={isRequired}
          onChange={(event) => onChange(event.target.checked)}
        />
        Agents ask before they change anything
      </label>
      <p id={id} className="text-xs text-muted">
        Before each use of a tool that changes something, a run waits until a person has approved it. For
        single tools something else may hold.
      </p>
    </div>
  );
}
