import { type Execution, isOpen, type TraceEvent } from "../api/executions";

/** What a run has used so far. */
export interface Totals {
  tokensIn: number;
  tokensOut: number;
  /** Null: not all of it is known. */
  costUsd: string | null;
}

/**
 * What a run has used: as the server has settled it, or, while it goes on, as its steps say, which are heard of first.
 */
export function totalsOf(execution: Execution, trace: readonly TraceEvent[] | undefined): Totals {
  const { tokensIn, tokensOut, estimatedCostUsd } = execution;
  const settled = { tokensIn, tokensOut, costUsd: estimatedCostUsd };
  if (!trace || !isOpen(execution)) return settled;
  const calls = trace.filter(({ type, durationMs }) => type === "llm_call" && durationMs !== null);
  const told = {
    tokensIn: sum(calls.map((call) => call.tokensIn ?? 0)),
    tokensOut: sum(calls.map((call) => call.tokensOut ?? 0)),
  };
  if (told.tokensIn + told.tokensOut <= tokensIn + tokensOut) return settled;
  const isKnown = calls.every((call) => call.estimatedCostUsd !== null);
  const costUsd = isKnown ? String(sum(calls.map((call) => Number(call.estimatedCostUsd)))) : null;
  return { ...told, costUsd };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
