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

/// How long what the model says is collected before it is written.
const BATCH_EVERY: Duration = Duration::from_millis(75);
/// How often presence is looked at while the model is silent.
const KEEP_SHOWN_EVERY: Duration = Duration::from_secs(2);
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
        if let Some(interruption) = self.rest(Duration::from_millis(self.state.pause_ms)).await {
            return self.obey(interruption).await;
        }
        if self.state.call.is_none() {
            self.begin_call(phase).await?;
        }
        let (Some(call), Some(spec)) = (self.state.call.clone(), self.state.model_spec().cloned()) else {
            return Err(failed_stop("NO_MODEL", "there is no model"));
        };
        if self.services.is_cooling_down(self.leased.org, &spec.name) && self.has_fallback() {
            let message = format!("{} keeps failing", spec.name);
            self.fail_call(&call, &ModelError { kind: ErrorKind::Unavailable, message, retry_after: None }).await?;
            return Ok(true);
        }
        let request = self.request(phase, &call, &spec);
        let model = self.services.model(self.leased.org, &spec).await;
        let mut heard = Heard::new();
        let signals = self.signals.clone();
        let asked = async { model?.ask(&request).await };
        tokio::pin!(asked);
        let mut patience = interval(KEEP_SHOWN_EVERY);
        let ending = loop {
            tokio::select! {
                interruption = signals.any() => break Ending::Interrupted(interruption),
                _ = patience.tick() => self.workspace.keep_shown(),
                answer = &mut asked => break match answer {
                    Ok(answer) => self.listen(&call, &request, answer, &mut heard).await?,
                    Err(error) => Ending::Failed(error),
                },
            }
        };
        match ending {
            Ending::Said(finish) => self.end_call(&call, &request, heard, finish).await.map(|()| true),
            Ending::Failed(error) => self.fail_call(&call, &error).await.map(|()| true),
            Ending::Interrupted(Interruption::Control(Control::Pause)) => {
                self.write_all(&call, &heard.text).await?;
                let usage = heard.usage(&request);
                self.pause((!heard.text.is_empty()).then_some(heard.text), usage).await?;
                Ok(false)
            }
            Ending::Interrupted(interruption) => self.obey(interruption).await,
        }
    }

    /// Reserves tokens, and notes that the model will be called.
    async fn begin_call(&mut self, phase: Phase) -> Result<(), Stop> {
        let Some(spec) = self.state.model_spec().cloned() else {
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
        let left = self.leased.token_budget.saturating_sub(self.state.tokens);
        if left < tokens_in + TOKENS_OUT_MIN {
            let (used, budget) = (self.state.tokens, self.leased.token_budget);
            let message = format!("{used} of {budget} tokens are used, and the next call needs more than are left");
            return Err(failed_stop("BUDGET_EXCEEDED", message));
        }
        let tokens_out = spec.output_tokens.min(left - tokens_in).min(spec.context_tokens - tokens_in);
        let reservation = Reservation::new(tokens_in + tokens_out, self.services.clock.now());
        let entry = Entry::CallBegun { phase, model: self.state.model, reservation };
        self.append(entry, Along::default()).await
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
                    self.write(call, &heard.text).await?;
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

    async fn end_call(&mut self, call: &OpenCall, request: &Request, heard: Heard, finish: Finish) -> Result<(), Stop> {
        self.write_all(call, &heard.text).await?;
        let usage = heard.usage(request);
        let duration_ms = i64::try_from(heard.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let tool_calls = heard.tool_calls(call.number);
        let delivered = self.workspace.delivered(self.state.seq);
        let entry = Entry::CallEnded { text: heard.text, tool_calls, finish, usage, duration_ms, delivered };
        self.append(entry, Along::default()).await
    }

    /// Notes that a call failed, and decides what to do about it.
    async fn fail_call(&mut self, call: &OpenCall, error: &ModelError) -> Result<(), Stop> {
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
        let entry = Entry::CallFailed { code: code.to_owned(), message: error.message.clone(), then };
        self.append(entry, Along::default()).await?;
        match then {
            Then::GiveUp => Err(failed_stop(code, error.message.clone())),
            Then::Again { .. } | Then::Fallback { .. } => Ok(()),
        }
    }

    fn has_fallback(&self) -> bool {
        self.state.pinned.as_ref().is_some_and(|pinned| self.state.model + 1 < pinned.models.len())
    }

    /// Waits, unless something interrupts it.
    async fn rest(&mut self, pause: Duration) -> Option<Interruption> {
        if pause.is_zero() {
            return None;
        }
        let signals = self.signals.clone();
        tokio::select! {
            interruption = signals.any() => Some(interruption),
            () = sleep(pause) => None,
        }
    }

    /// Writes what has come and is not written yet, if it is for the document.
    async fn write(&mut self, call: &OpenCall, text: &str) -> Result<(), Stop> {
        if State::is_for_document(call.phase) { self.write_text(call.start, text).await } else { Ok(()) }
    }

    /// The same, and what had been said once and is not said now is taken out.
    async fn write_all(&mut self, call: &OpenCall, text: &str) -> Result<(), Stop> {
        if !State::is_for_document(call.phase) {
            return Ok(());
        }
        self.write_text(call.start, text).await?;
        self.cut_text(call.start + text.len()).await
    }
}

impl Heard {
    fn new() -> Self {
        Self { text: String::new(), tools: BTreeMap::new(), usage: None, since: Instant::now(), bytes: 0 }
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
