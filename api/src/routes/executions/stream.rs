//! `GET /executions/{executionId}/trace/stream`: a run's trace as server-sent events (WHATWG HTML §9.2).
//!
//! What is sent is read from the table; what happens in the project only says when to look. So a client that reads slowly,
//! or comes back, costs no memory and misses nothing.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use platform::access::{Access, AccessChange, AccessListener, ProjectAction, document_access};
use platform::db::DbError;
use platform::db::events::{Event, EventKind};
use platform::db::executions::{self, Execution};
use platform::events::{EventListener, EventSink, Interest};
use platform::executions::TraceEvent;
use platform::lifecycle::ConnectionGuard;
use schema::ids::{DocumentName, RunId};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::body::{ExecutionBody, TraceEventBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Code, Problem, ProblemBody};
use crate::routes::events::{LAST_EVENT_ID, Place, ServerSentEvent, event_stream, take_place};

/// Events that are read in one go.
const EVENTS_AT_ONCE: u32 = 200;
/// When a client whose connection is lost comes back.
const RETRY_MS: u64 = 2_000;
/// When news of access may have been missed, all streams look it up again within this time, not all at once.
const MISSED_NEWS_SPREAD_MS: u64 = 10_000;
/// The pause after the database did not answer.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Follow what a run does
///
/// Each event of the trace as it is, and again whenever it changes: the stream's events are called `trace`, their `id` is
/// the trace event's `changed`, their data is the trace event. `Last-Event-ID` goes on from there; without it, the stream
/// begins with the run. After the last one comes `end`, with the run as its data.
#[utoipa::path(get, path = "/executions/{executionId}/trace/stream", tag = "executions", operation_id = "streamExecutionTrace",
    params(
        ("executionId" = Uuid, Path, description = "The run's id."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has."),
    ),
    responses(
        (status = OK, description = "The stream.", body = ServerSentEvent, content_type = "text/event-stream"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has as many streams open as they may.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<RunId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let position = position(&headers)?;
    let (execution, _) = api.execution(&caller, id, Access::Read).await?;
    let place = take_place(&api, caller.principal.id)?;
    // Both before the trace is read, so that nothing falls between.
    let access = api.access_news.listen();
    let news = Arc::new(News { run: id.to_string(), noted: Notify::new() });
    let listener = api.events.listen(execution.org, Interest::Node(execution.node), Arc::clone(&news) as _).await;
    let listener = listener.map_err(|error| Problem::new(Code::Unavailable).caused_by(error))?;
    let now = Instant::now();
    let following = Following {
        _guard: api.lifecycle.connection("trace stream"),
        _place: place,
        _listener: listener,
        next_beat: now + Duration::from_secs(api.limits.event_heartbeat_seconds),
        next_access_check: now + Duration::from_secs(api.limits.access_check_seconds),
        state: Stage::Beginning,
        position,
        execution,
        api,
        caller,
        news,
        access,
    };
    Ok(event_stream(stream::unfold(following, async |mut following| {
        let chunk = following.next().await?;
        Some((chunk, following))
    })))
}

fn position(headers: &HeaderMap) -> Result<i32, Problem> {
    let Some(last) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else { return Ok(0) };
    let number = last.to_str().ok().and_then(|id| id.parse().ok()).filter(|number| *number >= 0);
    number
        .ok_or_else(|| Problem::new(Code::InvalidParameter).detail("Last-Event-ID: the id of an event of this stream."))
}

/// Hears that a run has done something.
struct News {
    run: String,
    noted: Notify,
}

impl EventSink for News {
    fn deliver(&self, event: &Arc<Event>) {
        let is_of_run = event.payload["executionId"].as_str() == Some(&self.run);
        if is_of_run && matches!(event.kind, EventKind::Trace | EventKind::ExecutionUpdate) {
            self.noted.notify_one();
        }
    }

    fn missed(&self) {
        self.noted.notify_one();
    }

    fn flush(&self) {}
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Beginning,
    /// There may be something to read.
    Reading,
    Waiting,
    Ended,
}

struct Following {
    api: Arc<Api>,
    caller: Caller,
    execution: Execution,
    news: Arc<News>,
    access: AccessListener,
    /// The client has every change up to this one.
    position: i32,
    state: Stage,
    next_beat: Instant,
    next_access_check: Instant,
    _listener: EventListener,
    _place: Place,
    _guard: ConnectionGuard,
}

impl Following {
    /// What is to be sent next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let chunk = match self.state {
                Stage::Ended => return None,
                Stage::Beginning => {
                    self.state = Stage::Reading;
                    format!("retry: {RETRY_MS}\n: welcome\n\n").into()
                }
                Stage::Reading => self.read().await,
                Stage::Waiting => self.wait().await,
            };
            if !chunk.is_empty() {
                self.next_beat = Instant::now() + Duration::from_secs(self.api.limits.event_heartbeat_seconds);
                return Some(chunk);
            }
        }
    }

    /// Reads what the client does not have.
    async fn read(&mut self) -> Bytes {
        match self.read_some().await {
            Ok(chunk) => chunk,
            Err(error) => {
                tracing::warn!(%error, "a trace could not be read for a stream");
                sleep(DATABASE_PAUSE).await;
                self.look_around().await
            }
        }
    }

    async fn read_some(&mut self) -> Result<Bytes, DbError> {
        let (db, org, run) = (&self.api.db, self.execution.org, self.execution.id);
        // Before the trace: of a run that is over by now, all of it is there.
        let execution = executions::find(db, org, run).await?;
        let events = executions::trace_since(db, org, run, self.position, EVENTS_AT_ONCE).await?;
        if let Some(last) = events.last() {
            self.position = last.changed;
            return Ok(encode(events));
        }
        self.state = Stage::Waiting;
        Ok(match execution {
            None => self.end("{\"reason\":\"ACCESS_ENDED\"}"),
            Some(execution) if execution.status.is_over() => {
                // Texts, numbers and plain values: serialization cannot fail.
                let data = serde_json::to_string(&ExecutionBody::from(execution)).unwrap_or_default();
                self.end(&data)
            }
            Some(_) => Bytes::new(),
        })
    }

    /// Waits for something to happen.
    async fn wait(&mut self) -> Bytes {
        let left = (self.caller.authenticated.expires_at - self.api.clock.now()).to_std().unwrap_or_default();
        let look_at = self.next_beat.min(self.next_access_check).min(Instant::now() + left);
        tokio::select! {
            () = self.news.noted.notified() => {
                self.state = Stage::Reading;
                Bytes::new()
            }
            change = self.access.changed() => {
                let wait = match change {
                    AccessChange::Of(user) if user == self.caller.user => 0,
                    AccessChange::Of(_) => return Bytes::new(),
                    // All streams hear this at the same time.
                    AccessChange::Unknown => self.api.random.below(MISSED_NEWS_SPREAD_MS),
                };
                self.next_access_check = self.next_access_check.min(Instant::now() + Duration::from_millis(wait));
                self.look_around().await
            }
            () = sleep_until(look_at) => self.look_around().await,
            () = self.api.lifecycle.draining().cancelled_owned() => self.look_around().await,
        }
    }

    /// Does what is due: gives a sign of life, looks access up, ends what has run out.
    async fn look_around(&mut self) -> Bytes {
        let now = Instant::now();
        if self.api.lifecycle.draining().is_cancelled() {
            return self.end("{\"reason\":\"RESTARTING\"}");
        }
        if self.api.clock.now() >= self.caller.authenticated.expires_at {
            return self.end("{\"reason\":\"TOKEN_EXPIRED\"}");
        }
        if now >= self.next_access_check {
            self.next_access_check = now + Duration::from_secs(self.api.limits.access_check_seconds);
            if !self.may_follow().await {
                return self.end("{\"reason\":\"ACCESS_ENDED\"}");
            }
        }
        if now < self.next_beat {
            return Bytes::new();
        }
        // The sign of life looks at the table as well: should news ever be lost, they are late by that at most.
        self.state = Stage::Reading;
        Bytes::from_static(b": still here\n\n")
    }

    async fn may_follow(&self) -> bool {
        let name = DocumentName::Project(self.execution.project);
        match document_access(&self.api.db, &self.caller.principal, &name, self.api.mode).await {
            Ok(granted) => {
                let means = self.caller.means();
                granted.is_some_and(|granted| ProjectAction::View.check(granted.role, means).is_ok())
            }
            // An access that cannot be looked up now stays as it was, until the token ends.
            Err(error) => {
                tracing::warn!(%error, "the access of a trace stream could not be looked up");
                true
            }
        }
    }

    /// The last event.
    fn end(&mut self, data: &str) -> Bytes {
        self.state = Stage::Ended;
        format!("event: end\ndata: {data}\n\n").into()
    }
}

/// What was changed together has one id, after the last of it: who has only a part gets all of it again.
fn encode(events: Vec<TraceEvent>) -> Bytes {
    let mut chunk = String::new();
    let mut events = events.into_iter().peekable();
    while let Some(event) = events.next() {
        let changed = event.changed;
        if events.peek().is_none_or(|next| next.changed != changed) {
            // Writing to a text cannot fail.
            let _ = writeln!(chunk, "id: {changed}");
        }
        // JSON has no line breaks of its own.
        let data = serde_json::to_string(&TraceEventBody::from(event)).unwrap_or_default();
        let _ = write!(chunk, "event: trace\ndata: {data}\n\n");
    }
    chunk.into()
}
