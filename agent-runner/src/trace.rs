//! What people are shown of a run: what an entry of its journal changes of the trace, and of where the run stands. Pure.

use chrono::{DateTime, Utc};
use platform::db::notifications::NotificationKind;
use platform::db::runs::{Changes, Finished, Shown, Tally, TraceChange, Usage as Settled};
use platform::executions::{Phase, Question};
use serde_json::{Value, json};

use crate::entry::{Ended, Entry, Outcome, Then};
use crate::model::{Message, ModelSpec, ToolCall, Usage};
use crate::prompt::cut;
use crate::state::{OpenCall, State};

/// The most that is shown of what was said, of arguments and of results, in bytes.
const SHOWN_BYTES_MAX: usize = 6 * 1024;
const SUMMARY_BYTES_MAX: usize = 600;

/// What an entry changes for those who watch. Quiet ones change nothing.
pub(crate) fn changes(before: &State, after: &State, entry: &Entry, at: DateTime<Utc>) -> Changes {
    let mut changes = Changes {
        shown: shown(after),
        at,
        trace: Vec::new(),
        tally: Tally::default(),
        reserve: None,
        settle: None,
        made: Vec::new(),
        subrun: None,
        finished: None,
        notice: None,
    };
    match entry {
        Entry::Began(_) => changes.trace.push(start(after, None)),
        // The same event, now that it is known what the run works with.
        Entry::Analyzed { inputs, .. } => changes.trace.push(start(after, Some(*inputs))),
        Entry::CallBegun { reservation, .. } => {
            changes.reserve = Some((*reservation, after.pinned.as_ref().and_then(|pinned| pinned.month_limit)));
            changes.trace.extend(after.call.as_ref().map(|call| llm_call(after, call)));
        }
        Entry::CallFailed { code, message, usage, then } => {
            if let Some(call) = &before.call {
                end_call(&mut changes, before, call, &Said::broken_off(before, "failed", usage));
            }
            let data = json!({"code": code, "message": message, "retry": *then != Then::GiveUp, "then": then});
            changes.trace.push(event(after.steps, "error", data).at_once());
        }
        Entry::CallBrokenOff { usage } => {
            if let Some(call) = &before.call {
                end_call(&mut changes, before, call, &Said::broken_off(before, "broken_off", usage));
            }
        }
        Entry::CallEnded { text, tool_calls, finish, usage, duration_ms, .. } => {
            if let Some(call) = &before.call {
                let said = Said { text, tool_calls, finish: json!(finish), usage, duration_ms: *duration_ms };
                end_call(&mut changes, before, call, &said);
                if call.phase == Phase::Plan {
                    let data = json!({"decision": "plan", "plan": cut(text, SHOWN_BYTES_MAX)});
                    changes.trace.push(event(after.steps, "decision", data).at_once());
                }
            }
        }
        Entry::Wrote { left, .. } => {
            if *left > 0 {
                changes
                    .trace
                    .push(event(after.steps, "decision", json!({"decision": "block_left", "blocks": left})).at_once());
            }
        }
        Entry::ToolBegun { .. } => {
            changes.trace.extend(before.next_tool().map(|call| tool_call(after.steps, call, before, None)));
        }
        Entry::ToolEnded { outcome, duration_ms, .. } => {
            let seq = before.tool.as_ref().map_or(after.steps, |tool| tool.event);
            let ended = before.next_tool().map(|call| tool_call(seq, call, before, Some(outcome)));
            changes.trace.extend(ended.map(|event| TraceChange { duration_ms: Some(*duration_ms), ..event }));
        }
        Entry::Asked(question) => {
            changes.trace.push(event(after.steps, "human_input_requested", asked(question)).at_once());
            let title = before.title.clone();
            changes.notice = Some((NotificationKind::HumanInputNeeded, title, Some(question.question.clone())));
        }
        Entry::Answered(answer) => {
            let data = json!({
                "questionId": answer.question_id, "response": cut(&answer.response, SHOWN_BYTES_MAX),
                "userId": answer.user_id, "byDefault": answer.user_id.is_none(),
            });
            changes.trace.push(event(after.steps, "human_input_received", data).at_once());
        }
        Entry::Paused { usage } => {
            if let Some(call) = &before.call {
                end_call(&mut changes, before, call, &Said::broken_off(before, "paused", usage));
            }
            changes.trace.push(event(after.steps, "checkpoint", json!({"paused": true})).at_once());
        }
        Entry::Ended { ended, usage } => {
            if let Some(call) = &before.call {
                end_call(&mut changes, before, call, &Said::broken_off(before, "cut_off", usage));
            }
            end(&mut changes, before, after, ended);
        }
        Entry::Retried { .. } => {
            changes.trace.push(event(after.steps, "decision", json!({"decision": "retried"})).at_once());
        }
        Entry::Resumed
        | Entry::Retracted { .. }
        | Entry::LeftStanding
        | Entry::ToolWent { .. }
        | Entry::QuestionWritten { .. } => {}
    }
    changes
}

fn start(after: &State, inputs: Option<usize>) -> TraceChange {
    let pinned = after.pinned.as_ref();
    let tools: Vec<&str> = pinned.into_iter().flat_map(|pinned| &pinned.tools).map(|tool| tool.name.as_str()).collect();
    let model = pinned.and_then(|pinned| pinned.models.first()).map(|model| model.name.as_str());
    event(1, "execution_start", json!({"model": model, "tools": tools, "inputs": inputs})).at_once()
}

/// Where the run stands.
fn shown(state: &State) -> Shown {
    Shown {
        status: state.status(),
        phase: state.phase(),
        question: state.question.clone(),
        model: state.model_spec().map(|model| model.name.clone()),
        output_item: state.item,
        steps: state.steps,
    }
}

/// What a model said in a call that is over.
struct Said<'a> {
    text: &'a str,
    tool_calls: &'a [ToolCall],
    finish: Value,
    usage: &'a Usage,
    duration_ms: i64,
}

impl<'a> Said<'a> {
    /// Of a call that has not come to its end: what the document has of it.
    fn broken_off(before: &'a State, finish: &str, usage: &'a Usage) -> Self {
        Self { text: before.said(), tool_calls: &[], finish: json!(finish), usage, duration_ms: 0 }
    }
}

fn end_call(changes: &mut Changes, before: &State, call: &OpenCall, said: &Said<'_>) {
    let Said { text, tool_calls, finish, usage, duration_ms } = said;
    let cost = before.model_spec().and_then(|model: &ModelSpec| model.cost(usage));
    changes.settle = Some(Settled { reservation: call.reservation, tokens: usage.total() });
    changes.tally =
        Tally { tokens_in: usage.tokens_in, tokens_out: usage.tokens_out, tokens_cached: usage.tokens_cached, cost };
    let mut event = llm_call(before, call);
    let asked: Vec<Value> = tool_calls.iter().map(|call| json!({"id": call.id, "name": call.name})).collect();
    event.data["responseSummary"] = cut(text, SUMMARY_BYTES_MAX).into();
    event.data["toolCalls"] = asked.into();
    event.data["finish"] = finish.clone();
    event.data["usage"] = json!({"estimated": usage.estimated, "cached": usage.tokens_cached, "raw": usage.raw});
    let count = |tokens: u64| i64::try_from(tokens).ok();
    changes.trace.push(TraceChange {
        duration_ms: Some(*duration_ms),
        tokens_in: count(usage.tokens_in),
        tokens_out: count(usage.tokens_out),
        cost,
        ..event
    });
}

fn end(changes: &mut Changes, before: &State, after: &State, ended: &Ended) {
    let (status, error) = match ended {
        Ended::Complete => ("complete", None),
        Ended::Failed { code, message } => ("failed", Some((code.clone(), message.clone()))),
        Ended::Cancelled => ("cancelled", None),
    };
    let data = json!({
        "status": status, "outputs": after.outputs, "totalTokens": after.tokens,
        "error": error.as_ref().map(|(code, message)| json!({"code": code, "message": message})),
    });
    changes.trace.push(event(after.steps, "execution_complete", data).at_once());
    if *ended != Ended::Cancelled {
        let words = error.as_ref().map(|(_, message)| message.clone());
        changes.notice = Some((NotificationKind::ExecutionComplete, before.title.clone(), words));
    }
    changes.finished = Some(Finished { error });
}

fn llm_call(state: &State, call: &OpenCall) -> TraceChange {
    let messages = state.messages(call.phase);
    let prompt = messages.iter().rev().find_map(|message| match message {
        Message::User(text) => Some(text.as_str()),
        Message::Tool { content, .. } => Some(content.as_str()),
        _ => None,
    });
    let data = json!({
        "phase": call.phase, "call": call.number, "promptSummary": prompt.map(|text| cut(text, SUMMARY_BYTES_MAX)),
        "messages": messages.len(), "responseSummary": null, "toolCalls": [], "finish": null, "reserved": call.reservation.tokens,
    });
    TraceChange { model: state.model_spec().map(|model| model.name.clone()), ..event(call.event, "llm_call", data) }
}

fn tool_call(seq: i32, call: &ToolCall, before: &State, outcome: Option<&Outcome>) -> TraceChange {
    let arguments = serde_json::from_str::<Value>(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into());
    let (result, error) = match outcome {
        Some(Outcome::Done(result)) => (Some(bounded(result)), None),
        Some(Outcome::Failed { code, message }) => (None, Some(json!({"code": code, "message": message}))),
        None => (None, None),
    };
    let data = json!({
        "tool": cut(&call.name, 100), "callId": cut(&call.id, 200), "arguments": bounded(&arguments), "result": result, "error": error,
        "approved": before.answer.as_ref().filter(|_| before.tool.is_none()),
    });
    event(seq, "tool_call", data)
}

fn asked(question: &Question) -> Value {
    json!({
        "questionId": question.id, "question": question.question, "options": question.options,
        "context": question.context, "approval": question.approval,
    })
}

/// A value if it is small enough to be shown, or else its beginning as a text.
fn bounded(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= SHOWN_BYTES_MAX { value.clone() } else { cut(&text, SHOWN_BYTES_MAX).into() }
}

fn event(seq: i32, kind: &'static str, data: Value) -> TraceChange {
    TraceChange { seq, kind, data, duration_ms: None, model: None, tokens_in: None, tokens_out: None, cost: None }
}

trait AtOnce {
    /// It takes no time.
    fn at_once(self) -> Self;
}

impl AtOnce for TraceChange {
    fn at_once(self) -> Self {
        Self { duration_ms: Some(0), ..self }
    }
}
