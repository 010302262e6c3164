//! Where a run stands: what its journal adds up to, and what is to be done next. Pure: the same journal gives the same
//! state on any worker.

use std::collections::VecDeque;

use platform::db::runs::Reservation;
use platform::executions::{ExecuteOptions, Phase, Question, Status};
use schema::rich_text::stream::StreamWriter;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entry::{Ended, Entry, Outcome, Pinned, Then};
use crate::model::{Finish, Message, ModelSpec, ToolCall};
use crate::prompt;

/// Calls to models in one run.
pub(crate) const CALLS_MAX: u32 = 60;
/// Uses of tools in one run.
pub(crate) const TOOL_USES_MAX: u32 = 200;
/// Failures of calls in a row, over all models, after which a run fails.
pub(crate) const FAILURES_MAX: u32 = 8;

/// Why a run failed: somebody has removed what it was writing.
pub(crate) const OUTPUT_REMOVED: &str = "OUTPUT_REMOVED";

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    options: ExecuteOptions,
    pub(crate) pinned: Option<Pinned>,
    pub(crate) brief: Option<String>,
    pub(crate) title: String,
    pub(crate) epochs: Option<[u64; 2]>,
    plan: Option<String>,
    /// What was said since, by the model and by tools.
    talk: Vec<Message>,
    /// The call under way.
    pub(crate) call: Option<OpenCall>,
    /// Where in the run's text the answer begins that broke off, and is asked for again.
    broken_off: Option<usize>,
    /// Uses of tools that are to come, the next first.
    tools: VecDeque<ToolCall>,
    /// The use of a tool that has begun.
    pub(crate) tool: Option<OpenTool>,
    pub(crate) question: Option<Question>,
    /// The question that stands open in the node's document.
    pub(crate) written_question: Option<Uuid>,
    /// What was answered to a tool's question.
    pub(crate) answer: Option<String>,
    /// All that the model has said for the document.
    pub(crate) text: String,
    pub(crate) writer: Option<StreamWriter>,
    pub(crate) item: Option<Uuid>,
    /// Which of the pinned models is asked.
    pub(crate) model: usize,
    calls: u32,
    tool_uses: u32,
    pub(crate) failures: u32,
    /// Of those, of the model that is asked now.
    pub(crate) model_failures: u32,
    /// How long to wait before the next call.
    pub(crate) pause_ms: u64,
    /// The event of the last call, for what is written after it.
    last_call: i32,
    /// Events of the trace so far.
    pub(crate) steps: i32,
    /// Entries of the journal so far.
    pub(crate) seq: i32,
    /// Updates up to this entry are known to be in their documents.
    pub(crate) delivered: i32,
    /// Tokens that were used.
    pub(crate) tokens: u64,
    /// Tokens that runs below this one may use.
    granted: u64,
    pub(crate) outputs: u32,
    paused: bool,
    is_done: bool,
    /// It will fail, as soon as what it wrote is in order.
    failing: Option<Ended>,
    pub(crate) ended: Option<Ended>,
}

/// A call under way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenCall {
    pub(crate) phase: Phase,
    pub(crate) reservation: Reservation,
    /// Its event in the trace.
    pub(crate) event: i32,
    /// Where in the run's text its own begins.
    pub(crate) start: usize,
    pub(crate) number: u32,
}

/// The use of a tool that has begun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenTool {
    pub(crate) call_id: String,
    pub(crate) event: i32,
    /// What it has done so far.
    pub(crate) effects: Vec<Value>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    Begin,
    Analyze,
    Call(Phase),
    Tool(ToolCall),
    /// A person has to answer.
    Wait,
    /// It was paused, and goes on.
    Resume,
    /// It comes to an end of its own.
    End(Ended),
    Over,
}

impl State {
    /// Before the first entry.
    pub(crate) fn new(options: ExecuteOptions) -> Self {
        Self {
            options,
            pinned: None,
            brief: None,
            title: String::new(),
            epochs: None,
            plan: None,
            talk: Vec::new(),
            call: None,
            broken_off: None,
            tools: VecDeque::new(),
            tool: None,
            question: None,
            written_question: None,
            answer: None,
            text: String::new(),
            writer: None,
            item: None,
            model: 0,
            calls: 0,
            tool_uses: 0,
            failures: 0,
            model_failures: 0,
            pause_ms: 0,
            last_call: 1,
            steps: 0,
            seq: 0,
            delivered: 0,
            tokens: 0,
            granted: 0,
            outputs: 0,
            paused: false,
            is_done: false,
            failing: None,
            ended: None,
        }
    }

    /// What is to be done next.
    pub(crate) fn next(&self) -> Next {
        if self.ended.is_some() {
            return Next::Over;
        }
        if self.paused {
            return Next::Resume;
        }
        if self.pinned.is_none() {
            return Next::Begin;
        }
        if self.brief.is_none() {
            return Next::Analyze;
        }
        if self.question.is_some() {
            return Next::Wait;
        }
        if let Some(failed) = &self.failing {
            return Next::End(failed.clone());
        }
        if let Some(call) = &self.call {
            return Next::Call(call.phase);
        }
        if let Some(use_of) = self.tools.front() {
            return Next::Tool(use_of.clone());
        }
        if self.is_done {
            return Next::End(Ended::Complete);
        }
        if self.calls >= CALLS_MAX {
            let message = format!("the model was called {CALLS_MAX} times and has not come to an end");
            return Next::End(failed("TOO_MANY_CALLS", message));
        }
        if self.tool_uses >= TOOL_USES_MAX {
            let message = format!("the model has used tools {TOOL_USES_MAX} times and has not come to an end");
            return Next::End(failed("TOO_MANY_TOOL_USES", message));
        }
        let plans = self.options.plan && self.plan.is_none();
        Next::Call(if plans { Phase::Plan } else { Phase::Execute })
    }

    /// What the run is about now, as people are shown it.
    pub(crate) fn phase(&self) -> Option<Phase> {
        match self.next() {
            Next::Begin | Next::Analyze | Next::Resume => Some(Phase::Analyze),
            Next::Call(phase) => Some(phase),
            Next::Tool(_) => Some(Phase::HandleTool),
            Next::Wait => Some(Phase::WaitHuman),
            Next::End(_) => Some(Phase::Finalize),
            Next::Over => None,
        }
    }

    /// Where the run stands, as people are shown it.
    pub(crate) fn status(&self) -> Status {
        match (&self.ended, self.paused, &self.question) {
            (Some(Ended::Complete), ..) => Status::Complete,
            (Some(Ended::Failed { .. }), ..) => Status::Failed,
            (Some(Ended::Cancelled), ..) => Status::Cancelled,
            (None, true, _) => Status::Paused,
            (None, false, Some(_)) => Status::AwaitingInput,
            (None, false, None) => Status::Running,
        }
    }

    /// What the model is told in this phase.
    pub(crate) fn messages(&self, phase: Phase) -> Vec<Message> {
        let (Some(pinned), Some(brief)) = (&self.pinned, &self.brief) else { return Vec::new() };
        let mut messages = vec![Message::System(pinned.system.clone()), Message::User(brief.clone())];
        if phase == Phase::Plan {
            messages.push(Message::User(prompt::ASK_FOR_PLAN.to_owned()));
            return messages;
        }
        if let Some(plan) = &self.plan {
            messages.push(Message::Assistant { text: plan.clone(), tool_calls: Vec::new() });
        }
        messages.push(Message::User(prompt::ASK_TO_WORK.to_owned()));
        messages.extend(self.talk.iter().cloned());
        messages
    }

    /// Whether the model's text of this phase goes into the document.
    pub(crate) fn is_for_document(phase: Phase) -> bool {
        phase == Phase::Execute
    }

    /// Uses of tools so far.
    pub(crate) fn tool_uses(&self) -> u32 {
        self.tool_uses
    }

    /// The use of a tool that is next.
    pub(crate) fn next_tool(&self) -> Option<&ToolCall> {
        self.tools.front()
    }

    /// The model that is asked.
    pub(crate) fn model_spec(&self) -> Option<&ModelSpec> {
        self.pinned.as_ref()?.models.get(self.model)
    }

    /// Tokens of a budget that are left.
    pub(crate) fn left_of(&self, budget: u64) -> u64 {
        budget.saturating_sub(self.tokens).saturating_sub(self.granted)
    }

    /// What the document has of the answer that is being given, or was when it broke off.
    pub(crate) fn said(&self) -> &str {
        let start = self.call.as_ref().filter(|call| Self::is_for_document(call.phase)).map(|call| call.start);
        start.or(self.broken_off).and_then(|start| self.text.get(start..)).unwrap_or_default()
    }

    /// The event of the trace to which what is written now belongs.
    pub(crate) fn step_of(&self) -> i32 {
        let tool = self.tool.as_ref().map(|tool| tool.event);
        tool.or(self.call.as_ref().map(|call| call.event)).unwrap_or(self.last_call)
    }

    /// Takes in an entry.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.seq += 1;
        match entry {
            Entry::Began(pinned) => {
                self.pinned = Some((**pinned).clone());
                self.steps += 1;
            }
            Entry::Analyzed { brief, title, epochs, .. } => {
                self.epochs = Some(*epochs);
                self.brief = Some(brief.clone());
                self.title.clone_from(title);
            }
            Entry::CallBegun { phase, model, reservation } => self.begin_call(*phase, *model, *reservation),
            Entry::Wrote { text, item, writer, left, delivered } => {
                self.steps += i32::from(*left > 0);
                self.text.push_str(text);
                self.writer = Some(writer.clone());
                if item.is_some() {
                    self.item = *item;
                    self.outputs += 1;
                }
                self.delivered = self.delivered.max(*delivered);
            }
            Entry::Retracted { keep, writer } => {
                self.text.truncate(*keep);
                self.writer = Some(writer.clone());
            }
            Entry::LeftStanding => {
                self.separate();
                self.broken_off = None;
                let end = self.text.len();
                if let Some(call) = &mut self.call {
                    call.start = end;
                }
            }
            Entry::CallFailed { code, message, usage, then } => {
                self.tokens = self.tokens.saturating_add(usage.total());
                self.fail_call(*then, failed(code, message.clone()));
            }
            Entry::CallBrokenOff { usage } => {
                self.tokens = self.tokens.saturating_add(usage.total());
                self.break_off();
            }
            Entry::CallEnded { text, tool_calls, finish, usage, delivered, .. } => {
                self.delivered = self.delivered.max(*delivered);
                self.tokens = self.tokens.saturating_add(usage.total());
                self.end_call(text, tool_calls, *finish);
            }
            Entry::ToolBegun { call_id, effect } => {
                self.steps += 1;
                // That it may be used was answered; what it asks itself was not.
                self.answer = None;
                let effects = vec![effect.clone()];
                self.tool = Some(OpenTool { call_id: call_id.clone(), event: self.steps, effects });
            }
            Entry::ToolWent { effect } => {
                if let Some(tool) = &mut self.tool {
                    tool.effects.push(effect.clone());
                }
            }
            Entry::QuestionWritten { id } => self.written_question = *id,
            Entry::ToolEnded { call_id, outcome, delivered, granted, .. } => {
                self.delivered = self.delivered.max(*delivered);
                self.granted = self.granted.saturating_add(*granted);
                self.end_tool(call_id, outcome);
            }
            Entry::Asked(question) => {
                self.steps += 1;
                self.answer = None;
                self.question = Some(question.clone());
            }
            Entry::Answered(answer) => {
                self.steps += 1;
                (self.question, self.written_question) = (None, None);
                self.answer = Some(answer.response.clone());
            }
            Entry::Paused { usage } => {
                self.steps += 1;
                self.tokens = self.tokens.saturating_add(usage.total());
                self.cut_off();
                self.paused = true;
            }
            Entry::Resumed => self.paused = false,
            Entry::Ended { ended, usage } => {
                self.steps += 1;
                self.tokens = self.tokens.saturating_add(usage.total());
                self.break_off();
                self.question = None;
                self.ended = Some(ended.clone());
            }
            Entry::Retried { models } => self.try_again(models),
        }
    }

    /// The answer under way comes to nothing; what the document has of it is compared with the next one.
    fn break_off(&mut self) {
        if let Some(call) = self.call.take().filter(|call| Self::is_for_document(call.phase)) {
            self.broken_off = Some(call.start);
        }
    }

    fn try_again(&mut self, models: &[ModelSpec]) {
        self.steps += 1;
        if let Some(pinned) = &mut self.pinned {
            pinned.models = models.to_vec();
        }
        self.failing = None;
        (self.model, self.failures, self.model_failures, self.pause_ms) = (0, 0, 0, 0);
        if let Some(Ended::Failed { code, .. }) = self.ended.take()
            && code == OUTPUT_REMOVED
        {
            (self.item, self.writer, self.broken_off) = (None, None, None);
            self.text.clear();
        }
    }

    /// What comes next is a paragraph of its own.
    fn separate(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push_str("\n\n");
        }
    }

    fn begin_call(&mut self, phase: Phase, model: usize, reservation: Reservation) {
        self.steps += 1;
        self.calls += 1;
        self.model = model;
        self.pause_ms = 0;
        let again = self.broken_off.take().filter(|_| Self::is_for_document(phase));
        let start = again.unwrap_or_else(|| {
            if Self::is_for_document(phase) {
                self.separate();
            }
            self.text.len()
        });
        let (event, number) = (self.steps, self.calls);
        self.last_call = event;
        self.call = Some(OpenCall { phase, reservation, event, start, number });
    }

    fn fail_call(&mut self, then: Then, failed: Ended) {
        // Each failure is an event of its own, beside that of the call.
        self.steps += 1;
        self.failures += 1;
        self.break_off();
        match then {
            Then::Again { after_ms } => {
                self.pause_ms = after_ms;
                self.model_failures += 1;
            }
            Then::Fallback { model } => {
                self.model = model;
                self.model_failures = 0;
                self.pause_ms = 0;
            }
            Then::GiveUp => self.failing = Some(failed),
        }
    }

    fn end_call(&mut self, text: &str, tool_calls: &[ToolCall], finish: Finish) {
        let Some(call) = self.call.take() else { return };
        (self.failures, self.model_failures, self.pause_ms) = (0, 0, 0);
        if call.phase == Phase::Plan {
            self.steps += 1;
            self.plan = Some(text.to_owned());
            return;
        }
        self.text.truncate(call.start);
        self.text.push_str(text);
        self.talk.push(Message::Assistant { text: text.to_owned(), tool_calls: tool_calls.to_vec() });
        self.tools = tool_calls.iter().cloned().collect();
        match finish {
            // Behind calls of tools stand their results, and nothing else: the last one, which was cut off, is told so by its.
            _ if !tool_calls.is_empty() => {}
            // It was cut off for its length: it goes on where it was.
            Finish::Length => self.talk.push(Message::User(prompt::GO_ON.to_owned())),
            Finish::Stop | Finish::ToolCalls => self.is_done = true,
        }
    }

    fn end_tool(&mut self, call_id: &str, outcome: &Outcome) {
        if self.tool.take().is_none() {
            // It was refused before it began.
            self.steps += 1;
        }
        self.answer = None;
        self.tool_uses += 1;
        let used = self.tools.pop_front();
        if used.is_some_and(|used| used.name == "add_output") && matches!(outcome, Outcome::Done(_)) {
            self.outputs += 1;
        }
        let content = match outcome {
            Outcome::Done(result) => result.to_string(),
            Outcome::Failed { code, message } => json!({"error": {"code": code, "message": message}}).to_string(),
        };
        self.talk.push(Message::Tool { call_id: call_id.to_owned(), content });
    }

    /// An answer ends before the model has said all: what it said stays, and it is asked to go on.
    fn cut_off(&mut self) {
        let said = self.said().to_owned();
        (self.call, self.broken_off, self.pause_ms) = (None, None, 0);
        if !said.is_empty() {
            self.talk.push(Message::Assistant { text: said, tool_calls: Vec::new() });
            self.talk.push(Message::User(prompt::GO_ON.to_owned()));
        }
    }
}

pub(crate) fn failed(code: &str, message: impl Into<String>) -> Ended {
    Ended::Failed { code: code.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests;
