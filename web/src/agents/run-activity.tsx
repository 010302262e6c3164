import { Popover as Radix } from "radix-ui";
import { useState } from "react";
import type { Execution } from "../api/executions";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanvasScope } from "../canvas/canvas-context";
import { titleOf } from "../documents/canvas";
import { plural } from "../lib/text";
import { AgentMark } from "./agent-mark";
import { useOpenRuns } from "./open-runs";
import { runWords } from "./words";

/** In a project's header: how many runs are open, whether one waits for a person, and the way to each. */
export function RunActivity() {
  const runs = useOpenRuns() ?? [];
  const [isOpen, setIsOpen] = useState(false);
  const waiting = runs.filter(({ status }) => status === "awaiting_input").length;
  const words = waiting > 0 ? plural(waiting, "open question") : plural(runs.length, "run");
  return (
    <>
      <p role="status" className="sr-only">
        {runs.length > 0 ? `Agents: ${plural(runs.length, "run")}${waiting > 0 ? `, ${words}` : ""}` : ""}
      </p>
      {runs.length > 0 && (
        <Radix.Root open={isOpen} onOpenChange={setIsOpen}>
          <Radix.Trigger asChild>
            <button
              type="button"
              title="What agents do here"
              className={`flex h-8 shrink-0 items-center gap-2 rounded-lg px-2 text-[13px] font-medium ${waiting > 0 ? "bg-warn-soft text-warn" : "text-muted hover:bg-hover hover:text-ink"}`}
            >
              <AgentMark isAtWork={runs.some(({ status }) => status === "running")} size={18} />
              <span className="max-sm:sr-only">{words}</span>
            </button>
          </Radix.Trigger>
          <Radix.Portal>
            <Radix.Content
              align="end"
              sideOffset={8}
              collisionPadding={8}
              aria-label="Runs"
              className="z-50 max-h-[min(480px,80vh)] w-[min(360px,calc(100vw-16px))] animate-rise overflow-y-auto rounded-2xl border border-line bg-raised p-1.5 shadow-float"
            >
              <ul aria-label="Open runs">
                {runs.map((run) => (
                  <Row key={run.id} run={run} onGone={() => setIsOpen(false)} />
                ))}
              </ul>
            </Radix.Content>
          </Radix.Portal>
        </Radix.Root>
      )}
    </>
  );
}

function Row({ run, onGone }: { run: Execution; onGone: () => void }) {
  const { canvas } = useCanvasScope();
  const actions = useCanvasActions();
  const isWaiting = run.status === "awaiting_input";
  const go = () => {
    actions.revealNode(run.nodeId);
    actions.openNode(run.nodeId, { part: "runs", runId: run.id });
    onGone();
  };
  return (
    <li>
      <button
        type="button"
        onClick={go}
        className="flex w-full items-center gap-3 rounded-lg px-2.5 py-2 text-left hover:bg-hover"
      >
        <AgentMark isAtWork={run.status === "running"} size={24} />
        <span className="grid min-w-0 flex-1">
          <span className="truncate text-[13px] font-medium">{titleOf(canvas.node(run.nodeId))}</span>
          <span className={`truncate text-xs ${isWaiting ? "font-medium text-warn" : "text-muted"}`}>
            {run.agentName} · {runWords(run)}
          </span>
          {isWaiting && <span className="line-clamp-2 text-xs text-muted">{run.question?.question}</span>}
        </span>
      </button>
    </li>
  );
}
