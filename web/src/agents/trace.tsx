import { memo, useEffect, useRef, useState } from "react";
import type { TraceEvent } from "../api/executions";
import { useCanvasActions } from "../canvas/canvas-actions";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { PlanText } from "./plan-text";
import { isUnanswered, mayWrite, nodeOf, stepWords, textOf } from "./steps";
import { useNow } from "./use-now";
import { costWords, count, spanWords } from "./words";

interface TraceProps {
  trace: readonly TraceEvent[];
  /** The step that the address names. */
  stepId: string | null;
  /** Whether the run goes on, so that steps without a duration are under way. */
  isLive: boolean;
  /** The steps of which text is in the node's document; null: it is not known. */
  written: ReadonlySet<string> | null;
  onShowText: (stepId: string) => void;
}

/** The steps of a run, as they happen. */
export function Trace({ trace, ...rest }: TraceProps) {
  const end = useFollowedEnd(trace.length, rest.isLive);
  return (
    <ol aria-label="Steps" className="grid">
      {trace.map((event, index) => (
        <Step
          key={event.id}
          event={event}
          isLast={index === trace.length - 1}
          isNamed={event.id === rest.stepId}
          isLive={rest.isLive}
          hasText={rest.written === null ? mayWrite(event) : rest.written.has(event.id)}
          onShowText={rest.onShowText}
        />
      ))}
      <li ref={end} aria-hidden className="h-px" />
    </ol>
  );
}

/** The end of a list that grows: who has it in view keeps it in view. */
function useFollowedEnd(length: number, isLive: boolean) {
  const end = useRef<HTMLLIElement>(null);
  const isInView = useRef(false);
  useEffect(() => {
    if (!end.current) return;
    const observer = new IntersectionObserver(([entry]) => {
      isInView.current = entry?.isIntersecting ?? false;
    });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each step more
  useEffect(() => {
    if (isLive && isInView.current) end.current?.scrollIntoView({ block: "nearest" });
  }, [length, isLive]);
  return end;
}

interface StepProps {
  event: TraceEvent;
  isLast: boolean;
  isNamed: boolean;
  isLive: boolean;
  hasText: boolean;
  onShowText: (stepId: string) => void;
}

const TONES = {
  plain: "bg-sunken text-muted",
  warn: "bg-warn-soft text-warn",
  danger: "bg-danger-soft text-danger",
  good: "bg-good-soft text-good",
} as const;

const Step = memo(function Step({ event, isLast, isNamed, isLive, hasText, onShowText }: StepProps) {
  const { icon, title, detail, tone } = stepWords(event);
  const isPlan = event.type === "decision" && textOf(event.data, "plan") !== null;
  const [isOpen, setIsOpen] = useState(isNamed || isPlan);
  const isUnderWay = isLive && event.durationMs === null;
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!isNamed) return;
    setIsOpen(true);
    row.current?.scrollIntoView({ block: "center" });
  }, [isNamed]);
  return (
    <li
      ref={row}
      aria-current={isNamed ? "step" : undefined}
      className={`relative flex gap-3 rounded-lg ${isNamed ? "bg-accent-soft/60" : ""}`}
    >
      {!isLast && <span aria-hidden className="absolute top-9 bottom-0 left-[19px] w-px bg-line" />}
      <span
        aria-hidden
        className={`mt-2 ml-1.5 grid size-7 shrink-0 place-items-center rounded-lg ${TONES[tone]} ${isUnderWay ? "at-work" : ""}`}
      >
        <Icon name={icon} size={14} />
      </span>
      <div className="min-w-0 flex-1 pr-1 pb-2">
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
          className="flex w-full min-w-0 items-start gap-2 rounded-lg py-1.5 pr-1 text-left hover:bg-hover"
        >
          <span className="min-w-0 flex-1 pl-1">
            <span className="block text-[13px] font-medium">{title}</span>
            {detail && !isPlan && (
              <span className="line-clamp-2 text-[13px] break-words text-muted">{detail}</span>
            )}
            <Figures event={event} isUnderWay={isUnderWay} />
          </span>
          <span
            aria-hidden
            className={`mt-1 text-muted transition-transform duration-100 ${isOpen ? "rotate-90" : ""}`}
          >
            <Icon name="fold" size={14} />
          </span>
        </button>
        {isOpen && <Details event={event} hasText={hasText} onShowText={onShowText} />}
      </div>
    </li>
  );
});

/** How long a step took, and what it used. */
function Figures({ event, isUnderWay }: { event: TraceEvent; isUnderWay: boolean }) {
  const now = useNow(isUnderWay, 200);
  const { durationMs, tokensIn, tokensOut, estimatedCostUsd, model, type } = event;
  const isCall = type === "llm_call" && !isUnanswered(event);
  const figures = [
    isUnderWay ? spanWords(now - Date.parse(event.at)) : durationMs ? spanWords(durationMs) : null,
    isCall && (tokensIn !== null || tokensOut !== null)
      ? `${count(tokensIn ?? 0)} in, ${count(tokensOut ?? 0)} out`
      : null,
    // A step that is no call of a model costs nothing; of a call it is said if it is not known.
    isCall && !isUnderWay ? costOf(estimatedCostUsd) : null,
    model,
  ].filter(Boolean);
  if (figures.length === 0) return null;
  return <span className="block truncate text-xs text-muted tabular-nums">{figures.join(" · ")}</span>;
}

function costOf(cost: string | null): string {
  return cost === null ? "cost unknown" : costWords(cost);
}

function Details({ event, hasText, onShowText }: Pick<StepProps, "event" | "hasText" | "onShowText">) {
  const actions = useCanvasActions();
  const nodeId = nodeOf(event);
  const plan = textOf(event.data, "plan");
  const { plan: _, ...rest } = event.data;
  const data = plan ? rest : event.data;
  const entries = Object.entries(data).filter(([, value]) => value !== null && value !== "");
  const shown = plan ? entries.filter(([key]) => key !== "decision") : entries;
  return (
    <div className="grid gap-3 pt-1 pl-1">
      {plan && <PlanText text={plan} />}
      {shown.length > 0 && (
        <dl className="grid gap-2 rounded-lg bg-sunken p-3 text-xs">
          {shown.map(([key, value]) => (
            <div key={key} className="grid min-w-0 gap-0.5">
              <dt className="font-medium text-muted">{nameOf(key)}</dt>
              <dd className="max-h-60 overflow-auto font-mono break-words whitespace-pre-wrap">
                {wordsOf(value)}
              </dd>
            </div>
          ))}
        </dl>
      )}
      <div className="flex flex-wrap items-center gap-2">
        {hasText && (
          <Button onClick={() => onShowText(event.id)}>
            <Icon name="text" size={14} /> Show what it wrote
          </Button>
        )}
        {nodeId && (
          <Button onClick={() => actions.openNode(nodeId)}>
            <Icon name="node" size={14} /> Open the node
          </Button>
        )}
        <time dateTime={event.at} className="text-xs text-muted">
          {new Date(event.at).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" })}
        </time>
      </div>
    </div>
  );
}

function nameOf(key: string): string {
  const spaced = key.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
