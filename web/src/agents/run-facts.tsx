import { type Execution, isOpen, type TraceEvent } from "../api/executions";
import { totalsOf } from "./totals";
import { useNow } from "./use-now";
import { costWords, count, spanWords } from "./words";

/** How long a run took, what it used of its budget, and what that cost. */
export function RunFacts({ run, trace }: { run: Execution; trace: readonly TraceEvent[] | undefined }) {
  const isLive = isOpen(run) && run.status !== "paused" && run.startedAt !== null;
  const now = useNow(isLive, 1_000);
  const totals = totalsOf(run, trace);
  const used = totals.tokensIn + totals.tokensOut;
  const ends = run.completedAt ? Date.parse(run.completedAt) : now;
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3 rounded-xl bg-sunken px-4 py-3 text-[13px] sm:grid-cols-4">
      <Fact name="Time">{run.startedAt ? spanWords(ends - Date.parse(run.startedAt)) : "not begun"}</Fact>
      <Fact name="Tokens" note={`${count(totals.tokensIn)} in, ${count(totals.tokensOut)} out`}>
        {count(used)}
      </Fact>
      <Fact name="Cost">{used > 0 ? costWords(totals.costUsd) : isOpen(run) ? "none yet" : "none"}</Fact>
      <Fact name="Model">{run.model ?? "not chosen yet"}</Fact>
      {run.tokenBudget > 0 && <Budget used={used} of={run.tokenBudget} />}
    </dl>
  );
}

function Fact({ name, note, children }: { name: string; note?: string; children: string }) {
  return (
    <div className="grid min-w-0 content-start">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="truncate font-medium tabular-nums" title={children}>
        {children}
      </dd>
      {note && <dd className="text-xs text-muted tabular-nums">{note}</dd>}
    </div>
  );
}

function Budget({ used, of }: { used: number; of: number }) {
  const share = Math.min(1, used / of);
  return (
    <div className="col-span-full grid gap-1">
      <dt className="sr-only">Budget</dt>
      <dd className="text-xs text-muted tabular-nums">
        {Math.round(share * 100)} % of a budget of {count(of)} tokens
      </dd>
      <dd aria-hidden className="h-1 overflow-hidden rounded-full bg-line">
        <span
          className={`block h-full rounded-full ${share > 0.9 ? "bg-warn" : "bg-accent"}`}
          style={{ width: `${share * 100}%` }}
        />
      </dd>
    </div>
  );
}
