import type { Execution, ExecutionPhase, ExecutionStatus } from "../api/executions";
import type { StatusLook } from "../ui/status-pill";

const STATUSES: Record<ExecutionStatus, string> = {
  pending: "Waiting its turn",
  running: "Working",
  paused: "Paused",
  awaiting_input: "Waiting for an answer",
  complete: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const PHASES: Record<ExecutionPhase, string> = {
  analyze: "Reading the task",
  plan: "Planning",
  execute: "Working",
  handle_tool: "Using a tool",
  wait_human: "Waiting for an answer",
  finalize: "Finishing",
};

/** What a run is at, in a few words. */
export function runWords({
  status,
  phase,
  control,
}: Pick<Execution, "status" | "phase" | "control">): string {
  if (control === "cancel") return "Stopping…";
  if (control === "pause") return "Pausing…";
  return status === "running" && phase ? PHASES[phase] : STATUSES[status];
}

const LOOKS: Record<ExecutionStatus, StatusLook> = {
  pending: "quiet",
  running: "info",
  paused: "quiet",
  awaiting_input: "warn",
  complete: "good",
  failed: "danger",
  cancelled: "quiet",
};

export function runLook({ status }: Pick<Execution, "status">): StatusLook {
  return LOOKS[status];
}

/** An amount of US dollars; what is not known is said to be so, and is never nothing. */
export function costWords(usd: string | number | null): string {
  const amount = usd === null || usd === "" ? Number.NaN : Number(usd);
  if (!Number.isFinite(amount)) return "unknown";
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "under $0.0001";
  return `$${amount < 0.01 ? amount.toFixed(4) : amount < 1 ? amount.toFixed(3) : amount.toFixed(2)}`;
}

const counted = new Intl.NumberFormat("en");

/** "1,204 tokens". */
export function tokenWords(tokens: number): string {
  return `${counted.format(tokens)} ${tokens === 1 ? "token" : "tokens"}`;
}

/** "1,204". */
export function count(number: number): string {
  return counted.format(number);
}

/** "0.4 s", "12 s", "2 min 5 s", of milliseconds. */
export function spanWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
