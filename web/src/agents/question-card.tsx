import { type FormEvent, use, useId, useState } from "react";
import { type Execution, type Question, useExecutionChanges } from "../api/executions";
import { messageOf } from "../api/http";
import { CanManageContext, useCanEdit, useCanvasScope, useName } from "../canvas/canvas-context";
import { Button } from "../ui/button";
import { FormError } from "../ui/field";
import { Icon } from "../ui/icon";
import { useNow } from "./use-now";
import { spanWords } from "./words";

const ANSWER_LENGTH_MAX = 10_000;

/** What a run asks of a person, with the answers that it offers, and room for another. */
export function QuestionCard({ run }: { run: Execution }) {
  return run.status === "awaiting_input" && run.question ? (
    <Asked key={run.question.id} run={run} question={run.question} />
  ) : null;
}

function Asked({ run, question }: { run: Execution; question: Question }) {
  const titleId = useId();
  const mayAnswer = useMayAnswer(run, question);
  const { answer } = useExecutionChanges();
  const respond = (response: string) => answer.mutate({ id: run.id, questionId: question.id, response });
  const isDone = answer.isPending || answer.isSuccess;
  return (
    <section
      aria-labelledby={titleId}
      className="grid gap-3 rounded-xl border border-warn/40 bg-warn-soft p-4 text-sm"
    >
      <div className="flex items-start gap-2.5">
        <span className="mt-0.5 text-warn">
          <Icon name={question.approval ? "lock" : "question"} />
        </span>
        <div className="grid min-w-0 gap-1">
          <p className="text-xs font-medium text-warn">
            {run.agentName} {question.approval ? "asks to be allowed" : "asks"}
          </p>
          <h3 id={titleId} className="text-[15px] leading-6 font-semibold break-words text-ink">
            {question.question}
          </h3>
          {question.context && (
            <p className="text-[13px] break-words whitespace-pre-wrap text-muted">{question.context}</p>
          )}
        </div>
      </div>
      {mayAnswer ? (
        <>
          {question.options.length > 0 && (
            <div role="group" aria-label="Answers" className="flex flex-wrap gap-2">
              {question.options.map((option, index) => (
                <Button
                  key={option}
                  look={question.approval && index === 0 ? "primary" : "plain"}
                  disabled={isDone}
                  className="h-auto! min-h-8 py-1 whitespace-normal!"
                  onClick={() => respond(option)}
                >
                  {option}
                </Button>
              ))}
            </div>
          )}
          {!(question.approval && question.options.length > 0) && (
            <FreeAnswer
              label={question.options.length > 0 ? "Another answer" : "Your answer"}
              isDone={isDone}
              onAnswer={respond}
            />
          )}
          <FormError>{answer.error && messageOf(answer.error)}</FormError>
        </>
      ) : (
        <NotMine run={run} question={question} />
      )}
      <Deadline question={question} />
    </section>
  );
}

function useMayAnswer(run: Execution, question: Question): boolean {
  const { userId } = useCanvasScope();
  const canEdit = useCanEdit();
  const canManage = use(CanManageContext);
  return question.approval ? canManage || run.requestedBy === userId : canEdit;
}

function NotMine({ run, question }: { run: Execution; question: Question }) {
  const name = useName(run.requestedBy) ?? "the person who asked for the run";
  return (
    <p className="text-[13px] text-muted">
      {question.approval
        ? `This is for ${name}, or an admin of the project, to say.`
        : "Those who may edit the project can answer."}
    </p>
  );
}

interface FreeAnswerProps {
  label: string;
  isDone: boolean;
  onAnswer: (response: string) => void;
}

function FreeAnswer({ label, isDone, onAnswer }: FreeAnswerProps) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && !isDone) onAnswer(text.trim());
  };
  return (
    <form onSubmit={submit} className="flex items-end gap-2">
      <textarea
        aria-label={label}
        placeholder={`${label}…`}
        rows={1}
        maxLength={ANSWER_LENGTH_MAX}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
        }}
        className="field-sizing-content max-h-40 min-h-9 min-w-0 flex-1 resize-none rounded-lg border border-line-strong bg-surface px-3 py-1.5 text-sm text-ink"
      />
      <Button type="submit" look="primary" className="h-9!" disabled={isDone || !text.trim()}>
        {isDone ? "Sent" : "Answer"}
      </Button>
    </form>
  );
}

/** What happens if nobody answers. */
function Deadline({ question }: { question: Question }) {
  const ends = question.expiresAt ? Date.parse(question.expiresAt) : null;
  const now = useNow(ends !== null, 1_000);
  if (ends === null) return null;
  const left = ends - now;
  return (
    <p className="text-xs text-muted">
      {left > 0 ? `In ${spanWords(left)} it goes on without an answer` : "It goes on without an answer"}
      {question.default ? `, with “${question.default}”.` : "."}
    </p>
  );
}
