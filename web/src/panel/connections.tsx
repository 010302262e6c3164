import { useMemo } from "react";
import { useCanvasActions } from "../canvas/canvas-actions";
import { useCanEdit, useCanvasScope } from "../canvas/canvas-context";
import { explainRefusal } from "../canvas/refusals";
import { titleOf } from "../documents/canvas";
import { useStore } from "../lib/external-store";
import { IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { useSay } from "../ui/toast";
import { Section } from "./section";

/** The edges of a node as lists, so that they can be read, drawn and removed without a mouse. */
export function Connections({ nodeId }: { nodeId: string }) {
  const { canvas } = useCanvasScope();
  const say = useSay();
  const connect = (source: string, target: string) => {
    const refusal = canvas.connect(source, target);
    if (refusal) say(explainRefusal(refusal));
  };
  return (
    <Section title="Connections">
      <div className="grid gap-4 sm:grid-cols-2">
        <Direction
          nodeId={nodeId}
          end="source"
          label="Comes from"
          onPick={(other) => connect(other, nodeId)}
        />
        <Direction nodeId={nodeId} end="target" label="Leads to" onPick={(other) => connect(nodeId, other)} />
      </div>
    </Section>
  );
}

interface DirectionProps {
  nodeId: string;
  end: "source" | "target";
  label: string;
  onPick: (nodeId: string) => void;
}

function Direction({ nodeId, end, label, onPick }: DirectionProps) {
  const { canvas, flow } = useCanvasScope();
  const canEdit = useCanEdit();
  const actions = useCanvasActions();
  const here = end === "source" ? "target" : "source";
  const edges = useStore(flow.edges).filter((edge) => edge[here] === nodeId);
  const joined = new Set([nodeId, ...edges.map((edge) => edge[end])]);
  return (
    <div className="grid min-w-0 grid-cols-1 content-start gap-1">
      <h3 className="text-xs text-muted">{label}</h3>
      <ul aria-label={label} className="grid grid-cols-1 gap-1">
        {edges.map((edge) => {
          const title = titleOf(canvas.node(edge[end]));
          return (
            <li key={edge.id} className="flex items-center gap-1 rounded-lg border border-line pl-3">
              <Icon name={end === "source" ? "arrowIn" : "arrowOut"} />
              <button
                type="button"
                onClick={() => actions.openNode(edge[end])}
                className="min-w-0 flex-1 truncate py-1.5 pl-1 text-left text-[13px] hover:underline"
              >
                {title}
              </button>
              {canEdit && (
                <IconButton
                  icon="close"
                  label={`Remove the edge ${end === "source" ? "from" : "to"} ${title}`}
                  onClick={() => canvas.remove(new Set(), new Set([edge.id]))}
                />
              )}
            </li>
          );
        })}
      </ul>
      {canEdit && <NodePicker label={`${label}: add a node`} except={joined} onPick={onPick} />}
    </div>
  );
}

interface NodePickerProps {
  label: string;
  except: ReadonlySet<string>;
  onPick: (nodeId: string) => void;
}

/** Chooses a node of the canvas by its title. */
export function NodePicker({ label, except, onPick }: NodePickerProps) {
  const { canvas, flow } = useCanvasScope();
  const nodes = useStore(flow.nodes);
  const choices = useMemo(
    () =>
      nodes
        .filter(({ id }) => !except.has(id))
        .map(({ id }) => ({ id, title: titleOf(canvas.node(id)) }))
        .sort((a, b) => a.title.localeCompare(b.title)),
    [nodes, canvas, except],
  );
  return (
    <select
      aria-label={label}
      value=""
      disabled={choices.length === 0}
      onChange={(event) => onPick(event.target.value)}
      className="h-8 w-full min-w-0 rounded-lg border border-line bg-surface px-2 text-[13px] text-muted disabled:opacity-60"
    >
      <option value="" disabled>
        {choices.length === 0 ? "No other node" : "Add a node…"}
      </option>
      {choices.map(({ id, title }) => (
        <option key={id} value={id}>
          {title}
        </option>
      ))}
    </select>
  );
}
