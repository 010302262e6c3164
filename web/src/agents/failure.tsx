import type { Execution } from "../api/executions";
import { useProject } from "../api/queries";
import { followLink, organizationPath } from "../app/router";
import { useCanvasScope } from "../canvas/canvas-context";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { failureWords, formLike, sentence } from "./failures";
import { useRunDialog } from "./use-run-dialog";

type Failed = Execution & { error: NonNullable<Execution["error"]> };

/** Why a run failed, what is safe, and what to do. */
export function Failure({ run }: { run: Failed }) {
  const { title, advice, isOfModel } = failureWords(run.error);
  const said = sentence(run.error.message);
  return (
    <div role="alert" className="grid gap-3 rounded-xl bg-danger-soft px-4 py-3 text-[13px]">
      <div className="grid gap-1">
        <p className="font-semibold text-danger">{title}</p>
        {said !== `${title}.` && <p className="break-words">{said}</p>}
        <p>
          {run.tokensOut > 0 ? "What it did until then is kept." : "It had not written anything yet."}{" "}
          {advice}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <RunAnew run={run} />
        {isOfModel && <ModelsLink />}
        <code className="text-xs text-danger">{run.error.code}</code>
      </div>
    </div>
  );
}

/** Begins another run like this one, after asking. */
function RunAnew({ run }: { run: Failed }) {
  const { ask, dialog } = useRunDialog();
  if (!ask) return null;
  return (
    <>
      <Button onClick={() => ask(run.nodeId, formLike(run))}>
        <Icon name="play" size={14} />{" "}
        {run.error.code === "BUDGET_EXCEEDED" ? "Run with more tokens…" : "Run anew…"}
      </Button>
      {dialog}
    </>
  );
}

function ModelsLink() {
  const { projectId } = useCanvasScope();
  const orgId = useProject(projectId).data?.orgId;
  if (!orgId) return null;
  return (
    <a
      href={organizationPath(orgId, "models")}
      onClick={followLink}
      className="text-accent underline underline-offset-2"
    >
      See the models
    </a>
  );
}
