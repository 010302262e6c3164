//! A call to a model: its answer goes into the document as it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use platform::db::runs::Reservation;
use platform::executions::{Control, Phase};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Along, Interruption, Run, Stop, failed_stop};
use crate::entry::{Entry, Then};
use crate::model::{
    Answer, Delta, ErrorKind, Finish, ModelError, ModelSpec, Request, ToolCall, Usage, estimate_request,
    estimate_tokens,
};
use crate::state::{FAILURES_MAX, OpenCall, State};
use crate::tools::ToolSpec;
use crate::workspace::WorkspaceError;

/// How long what the model says is collected before it is written.
const BATCH_EVERY: Duration = Duration::from_millis(75);
/// Fewer tokens than this are not worth a call.
const TOKENS_OUT_MIN: u64 = 64;
/// The most that one answer may be, in bytes for each token that it may have: who sends more does not stop.
const BYTES_PER_TOKEN_MAX: u64 = 16;
/// Failures of one model in a row before another one is asked.
const TRIES_PER_MODEL: u32 = 3;
/// The first pause after a failure; doubled for each more.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause that a run waits out.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// How long a model that keeps failing is not asked by other runs that have another one.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// Tools that one answer may ask for.
const TOOLS_PER_ANSWER_MAX: usize = 32;

/// What has come of an answer.
struct Heard {
    /// Whether the model has taken the question.
    is_asked: bool,
    text: String,
    tools: BTreeMap<usize, ToolCall>,
    usage: Option<Usage>,
    since: Instant,
    bytes: u64,
}

/// How listening to an answer ended.
enum Ending {
    Said(Finish),
    Failed(ModelError),
    Interrupted(Interruption),
}

impl Run<'_> {
    /// Calls the model. Returns whether there is more to do now.
    pub(super) async fn call(&mut self, phase: Phase) -> Result<bool, Stop> {
        self.show("thinking", None);
        if self.state.pause_ms > 0 {
            self.follow_until(sleep(Duration::from_millis(self.state.pause_ms))).await?;
        }
        if self.state.call.is_none() {
            self.begin_call(phase).await?;
        }
        let (Some(call), Some(spec)) = (self.state.call.clone(), self.state.model_spec().cloned()) else {
            return Err(failed_stop("NO_MODEL", "there is no model"));
        };
        let request = self.request(phase, &call, &spec);
        let mut heard = Heard::new();
        let done = self.converse(&spec, &call, &request, &mut heard).await;
        match &done {
            Err(Stop::HandOver | Stop::Workspace(WorkspaceError::Disconnected(_)))
                if heard.is_asked && self.state.call.is_some() =>
            {
                let usage = heard.usage(&request);
                self.append(Entry::CallBrokenOff { usage }, Along::default()).await?;
            }
            Err(_) => self.unbooked = heard.used(&request),
            Ok(_) => {}
        }
        done
    }

    /// Asks the model, and does what follows from its answer. Returns whether there is more to do now.
    async fn converse(
        &mut self,
        spec: &ModelSpec,
        call: &OpenCall,
        request: &Request,
        heard: &mut Heard,
    ) -> Result<bool, Stop> {
        match self.ask_model(spec, call, request, heard).await? {
            Ending::Said(finish) => self.end_call(call, request, heard, finish).await.map(|()| true),
            Ending::Failed(error) => self.fail_call(call, heard.used(request), &error).await.map(|()| true),
            Ending::Interrupted(Interruption::Control(Control::Pause)) => {
                // What people have seen of an answer stays, even if it was being given once more.
                if !self.state.said().starts_with(&heard.text) {
                    self.write_all(call, &heard.text).await?;
                }
                self.pause(heard.used(request)).await.map(|()| false)
            }
            Ending::Interrupted(Interruption::Control(Control::Cancel)) => {
                self.cancel(heard.used(request)).await.map(|()| true)
            }
            Ending::Interrupted(interruption) => self.obey(interruption).await,
        }
    }

    async fn ask_model(
        &mut self,
        spec: &ModelSpec,
        call: &OpenCall,
        request: &Request,
        heard: &mut Heard,
    ) -> Result<Ending, Stop> {
        self.verified = 0;
        let model = self.services.model(self.leased.org, spec).await;
        match self.follow_until(async { model?.ask(request).await }).await? {
            Ok(answer) => self.listen(call, request, answer, heard).await,
            Err(error) => Ok(Ending::Failed(error)),
        }
    }

    /// Reserves tokens, and notes that the model will be called.
    async fn begin_call(&mut self, phase: Phase) -> Result<(), Stop> {
        let Some((model, spec)) = self.model_to_ask() else {
            return Err(failed_stop("NO_MODEL", "there is no model"));
        };
        let messages = self.state.messages(phase);
        let tokens_in = estimate_request(&Request { messages, tools: self.tools_for(phase), tokens_out_max: 0 });
        if tokens_in + TOKENS_OUT_MIN > spec.context_tokens {
            let message = format!(
                "there is more to say to {} than the {} tokens that it takes in",
                spec.name, spec.context_tokens
            );
            return Err(failed_stop("CONTEXT_TOO_LONG", message));
        }
        let budget = self.leased.token_budget;
        let left = self.state.left_of(budget);
        if left < tokens_in + TOKENS_OUT_MIN {
            let used = budget - left;
            let message = format!("{used} of {budget} tokens are used, and the next call needs more than are left");
            return Err(failed_stop("BUDGET_EXCEEDED", message));
        }
        let tokens_out = spec.output_tokens.min(left - tokens_in).min(spec.context_tokens - tokens_in);
        let reservation = Reservation::new(tokens_in + tokens_out, self.services.clock.now());
        self.append(Entry::CallBegun { phase, model, reservation }, Along::default()).await
    }

    /// The first of the models that remain, unless it keeps failing and another one does not.
    fn model_to_ask(&self) -> Option<(usize, ModelSpec)> {
        let all = &self.state.pinned.as_ref()?.models;
        let remaining = || all.iter().enumerate().skip(self.state.model);
        let cools = |spec: &ModelSpec| self.services.is_cooling_down(self.leased.org, &spec.name);
        let chosen = remaining().find(|(_, spec)| !cools(spec)).or_else(|| remaining().next());
        chosen.map(|(place, spec)| (place, spec.clone()))
    }

    fn request(&self, phase: Phase, call: &OpenCall, spec: &ModelSpec) -> Request {
        let messages = self.state.messages(phase);
        let mut request = Request { messages, tools: self.tools_for(phase), tokens_out_max: 0 };
        let room = call.reservation.tokens.saturating_sub(estimate_request(&request));
        request.tokens_out_max = room.clamp(TOKENS_OUT_MIN, spec.output_tokens.max(TOKENS_OUT_MIN));
        request
    }

    /// A plan is made without any.
    fn tools_for(&self, phase: Phase) -> Vec<ToolSpec> {
        let pinned = self.state.pinned.as_ref().filter(|_| phase == Phase::Execute);
        pinned.map(|pinned| pinned.tools.clone()).unwrap_or_default()
    }

    /// Listens until the answer ends, and writes what comes.
    async fn listen(
        &mut self,
        call: &OpenCall,
        request: &Request,
        mut answer: Answer,
        heard: &mut Heard,
    ) -> Result<Ending, Stop> {
        heard.is_asked = true;
        let signals = self.signals.clone();
        let mut batch = interval(BATCH_EVERY);
        batch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bytes_max = request.tokens_out_max.saturating_mul(BYTES_PER_TOKEN_MAX);
        loop {
            tokio::select! {
                biased;
                interruption = signals.any() => return Ok(Ending::Interrupted(interruption)),
                _ = batch.tick() => {
                    self.workspace.catch_up()?;
                    self.write(call.phase, &heard.text).await?;
                    self.workspace.keep_shown();
                }
                changed = self.workspace.changed() => changed?,
                delta = answer.next() => {
                    self.services.probe.on_delta().await;
                    match delta {
                        None => return Ok(Ending::Failed(cut_off())),
                        Some(Err(error)) => return Ok(Ending::Failed(error)),
                        Some(Ok(Delta::Finish(finish))) => return Ok(Ending::Said(finish)),
                        Some(Ok(delta)) => heard.take(delta),
                    }
                    if heard.bytes > bytes_max {
                        // The provider does not keep to what was asked for.
                        return Ok(Ending::Said(Finish::Length));
                    }
                }
            }
        }
    }

    async fn end_call(
        &mut self,
        call: &OpenCall,
        request: &Request,
        heard: &Heard,
        finish: Finish,
    ) -> Result<(), Stop> {
        self.write_all(call, &heard.text).await?;
        let usage = heard.usage(request);
        let duration_ms = i64::try_from(heard.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let tool_calls = heard.tool_calls(call.number);
        let delivered = self.workspace.delivered(self.state.seq);
        let text = heard.text.clone();
        let entry = Entry::CallEnded { text, tool_calls, finish, usage, duration_ms, delivered };
        self.append(entry, Along::default()).await
    }

    /// Notes that a call failed, and decides what to do about it.
    async fn fail_call(&mut self, call: &OpenCall, usage: Usage, error: &ModelError) -> Result<(), Stop> {
        let tries = self.state.model_failures + 1;
        let is_last = self.state.failures + 1 >= FAILURES_MAX;
        let pause = error.retry_after.unwrap_or_else(|| PAUSE_FIRST * 2_u32.saturating_pow(tries - 1));
        let then = if error.kind.may_pass() && tries < TRIES_PER_MODEL && pause <= PAUSE_MAX && !is_last {
            Then::Again { after_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) }
        } else if self.has_fallback() && !is_last {
            if let Some(spec) = self.state.model_spec() {
                self.services.cool_down(self.leased.org, &spec.name, error.retry_after.unwrap_or(COOL_DOWN));
            }
            Then::Fallback { model: self.state.model + 1 }
        } else {
            Then::GiveUp
        };
        let code = error.kind.code();
        tracing::info!(run = %self.leased.run, call = call.number, code, %error, ?then, "a call to a model failed");
        let entry = Entry::CallFailed { code: code.to_owned(), message: error.message.clone(), usage, then };
        self.append(entry, Along::default()).await
    }

    fn has_fallback(&self) -> bool {
        self.state.pinned.as_ref().is_some_and(|pinned| self.state.model + 1 < pinned.models.len())
    }

    /// Writes what has come and is not written yet, if it is for the document.
    async fn write(&mut self, phase: Phase, text: &str) -> Result<(), Stop> {
        if State::is_for_document(phase) { self.write_answer(text).await } else { Ok(()) }
    }

    /// The same, and what had been said once and is not said now is taken out.
    async fn write_all(&mut self, call: &OpenCall, text: &str) -> Result<(), Stop> {
        self.write(call.phase, text).await?;
        if State::is_for_document(call.phase) { self.cut_answer(text.len()).await } else { Ok(()) }
    }
}

impl Heard {
    fn new() -> Self {
        let (text, tools) = (String::new(), BTreeMap::new());
        Self { is_asked: false, text, tools, usage: None, since: Instant::now(), bytes: 0 }
    }

    fn take(&mut self, delta: Delta) {
        match delta {
            Delta::Text(text) => {
                self.bytes += text.len() as u64;
                self.text.push_str(&text);
            }
            Delta::Tool { place, id, name, arguments } => {
                self.bytes += (id.len() + name.len() + arguments.len()) as u64;
                if self.tools.len() >= TOOLS_PER_ANSWER_MAX && !self.tools.contains_key(&place) {
                    return;
                }
                let empty = || ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
                let call = self.tools.entry(place).or_insert_with(empty);
                call.id.push_str(&id);
                call.name.push_str(&name);
                call.arguments.push_str(&arguments);
            }
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Finish(_) => {}
        }
    }

    /// What the call used; estimated if the provider has not said so.
    fn usage(&self, request: &Request) -> Usage {
        self.usage.clone().unwrap_or_else(|| Usage {
            tokens_in: estimate_request(request),
            tokens_out: estimate_tokens(usize::try_from(self.bytes).unwrap_or(usize::MAX)),
            estimated: true,
            ..Usage::default()
        })
    }

    /// The same of a call that did not come to its end: nothing, if the model has not even taken the question.
    fn used(&self, request: &Request) -> Usage {
        if self.is_asked { self.usage(request) } else { Usage::default() }
    }

    /// What it asks to have done. Calls without an id get one, and no two have the same.
    fn tool_calls(&self, number: u32) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for (place, call) in &self.tools {
            let mut call = call.clone();
            if call.id.is_empty() || calls.iter().any(|other| other.id == call.id) {
                call.id = format!("call-{number}-{place}");
            }
            calls.push(call);
        }
        calls
    }
}

fn cut_off() -> ModelError {
    let message = "the provider's answer was cut off".to_owned();
    ModelError { kind: ErrorKind::Unavailable, message, retry_after: None }
}
