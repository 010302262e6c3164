import type { Execution } from "../api/executions";
import { FIRST_FORM, type RunForm } from "./run-options";

/** Why a run failed, and what a person can do about it. */
export interface FailureWords {
  title: string;
  advice: string;
  /** Whether going on from the last step may help: a run keeps its budget, and the settings of its model. */
  mayRetry: boolean;
  /** Whether the settings of the organization's models may be why. */
  isOfModel: boolean;
}

const FAILURES: Record<string, Partial<FailureWords> & Pick<FailureWords, "title" | "advice">> = {
  MODEL_UNAVAILABLE: {
    title: "The model gave no answer",
    advice: "Try again in a while. If its address is wrong, have that put right, and run anew.",
    mayRetry: true,
    isOfModel: true,
  },
  MODEL_RATE_LIMITED: {
    title: "The model takes no more requests for now",
    advice: "Try again in a while, or run anew with another model.",
    mayRetry: true,
  },
  MODEL_UNAUTHORIZED: {
    title: "The model's provider did not accept the key",
    advice: "Once whoever runs the server has put the key right, try again.",
    mayRetry: true,
    isOfModel: true,
  },
  MODEL_REFUSED: {
    title: "The model's provider refused the request",
    advice: "Have the settings of the model put right, or choose another one, and run anew.",
    isOfModel: true,
  },
  NO_MODEL: {
    title: "There is no such model",
    advice: "Choose another one, and run anew.",
    isOfModel: true,
  },
  BUDGET_EXCEEDED: {
    title: "Its budget is used up",
    advice: "Run anew with more tokens, or with a smaller task.",
  },
  ORGANIZATION_BUDGET_EXCEEDED: {
    title: "The organization's tokens of this month are used up",
    advice: "Try again next month, or once an admin of the organization allows more.",
    mayRetry: true,
  },
  CONTEXT_TOO_LONG: {
    title: "There is more to read than the model takes in",
    advice: "Make the inputs shorter, or choose a model that takes in more, and run anew.",
  },
  OUTPUT_REMOVED: {
    title: "What it was writing was deleted",
    advice: "Run anew if it is still wanted.",
  },
  OUTPUT_TOO_LONG: {
    title: "It wrote more than a run may",
    advice: "Make the task smaller, and run anew.",
  },
  TOO_MANY_CALLS: {
    title: "It did not come to an end",
    advice: "Say in the instructions when it is done, or make the task smaller, and run anew.",
  },
  TOO_MANY_TOOL_USES: {
    title: "It did not come to an end",
    advice: "Say in the instructions when it is done, or make the task smaller, and run anew.",
  },
  NODE_GONE: {
    title: "The node was deleted",
    advice: "Bring it back from the trash, and try again.",
    mayRetry: true,
  },
  DOCUMENT_REPLACED: {
    title: "The document became another one while it worked",
    advice: "Run anew on the document as it is now.",
  },
};

/** What to say of a failure; of one that is not known here, what the server says. */
export function failureWords({ code, message }: { code: string; message: string }): FailureWords {
  const known = FAILURES[code];
  const unknown = { title: sentence(message).replace(/\.$/, ""), advice: "Try again, or run anew." };
  return { mayRetry: known === undefined, isOfModel: false, ...(known ?? unknown) };
}

/** A remark as a sentence. */
export function sentence(remark: string): string {
  const text = remark.trim();
  const isEnded = text === "" || /[.!?…]$/.test(text);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${isEnded ? "" : "."}`;
}

/** How many times the tokens of a budget that was used up are offered for the next run. */
const MORE_TOKENS = 2;

/** What is filled in to run anew like a run that has ended. */
export function formLike(run: Execution): RunForm {
  const isUsedUp = run.error?.code === "BUDGET_EXCEEDED";
  return {
    ...FIRST_FORM,
    instructions: run.instructions ?? "",
    agentName: run.agentName,
    model: run.model ?? "",
    tokenBudget: String(isUsedUp ? run.tokenBudget * MORE_TOKENS : run.tokenBudget),
    mode: run.mode,
    target: run.target,
  };
}
