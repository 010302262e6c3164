import type { ExecuteOptions } from "../api/executions";

/** What is filled in before a run. Empty: the server's to say. */
export interface RunForm {
  instructions: string;
  agentName: string;
  templateId: string;
  model: string;
  tokenBudget: string;
  mode: "write" | "propose";
  target: "output" | "body";
  isPlanning: boolean;
  isPatient: boolean;
  runsSubnodes: boolean;
}

export const FIRST_FORM: RunForm = {
  instructions: "",
  agentName: "",
  templateId: "",
  model: "",
  tokenBudget: "",
  mode: "write",
  target: "output",
  isPlanning: true,
  isPatient: false,
  runsSubnodes: false,
};

/** Whether anything is filled in that is not seen at once. */
export function hasMore({ agentName, templateId, model, tokenBudget }: RunForm): boolean {
  return Boolean(agentName || templateId || model || tokenBudget);
}

/** What a form asks the server for: only what differs from how runs are anyway, so that a template may say the rest. */
export function optionsOf(form: RunForm): ExecuteOptions {
  const options: ExecuteOptions = {};
  const instructions = form.instructions.trim();
  const agentName = form.agentName.trim();
  const tokenBudget = Number(form.tokenBudget);
  if (instructions) options.instructions = instructions;
  if (agentName) options.agentName = agentName;
  if (form.templateId) options.templateId = form.templateId;
  if (form.model) options.model = form.model;
  if (Number.isInteger(tokenBudget) && tokenBudget > 0) options.tokenBudget = tokenBudget;
  if (form.mode !== FIRST_FORM.mode) options.mode = form.mode;
  if (form.target !== FIRST_FORM.target) options.target = form.target;
  if (!form.isPlanning) options.plan = false;
  if (form.isPatient) options.ifBusy = "enqueue";
  if (form.runsSubnodes) options.subnodes = "run";
  return options;
}
