//! A stream of server-sent events (WHATWG HTML §9.2).
//!
//! What is new comes through a bounded queue. A client that reads more slowly than things happen, or comes back after a
//! while, is read to from the table until it has caught up: it costs no memory and misses nothing.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, stream};
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use platform::access::{AccessChange, AccessListener};
use platform::db::DbError;
use platform::db::events::{Encoding, Event, EventId};
use platform::events::EventListener;
use platform::lifecycle::ConnectionGuard;
use schema::ids::OrgId;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::parameters::{Asked, Presence};
use super::places::{self, Place};
use super::position::Position;
use super::presence::{self, PresenceListener, RoomEnded};
use super::queue::{Queue, Taken};
use super::watched::{Found, Watched};
use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

/// Has nginx, and proxies that follow it, pass on at once what is written.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Events that are read in one go to catch up.
const EVENTS_AT_ONCE: u32 = 200;
/// When a client whose connection is lost comes back.
const RETRY_MS: u64 = 2_000;
/// When the server restarts, clients come back within this time, not all at once.
const RESTART_SPREAD_MS: u64 = 5_000;
/// The pause after the database did not answer.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);
/// When news of access may have been missed, all streams look it up again within this time, not all at once.
const MISSED_NEWS_SPREAD_MS: u64 = 10_000;
/// How long after a change of access it is looked up once more.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Begins a stream.
pub(super) async fn open(
    api: Arc<Api>,
    caller: Caller,
    watched: Watched,
    asked: Asked<Position>,
) -> Result<Response, Problem> {
    let place = places::take(&api, caller.principal.id)?;
    // Both before the stream's end is looked up, so that nothing falls between.
    let access = api.access_news.listen();
    let queue = Arc::new(Queue::new(asked.kinds));
    let mut listeners = Vec::new();
    for org in watched.orgs() {
        let listener = api.events.listen(org, watched.interest(caller.user), Arc::clone(&queue) as _).await;
        listeners.push((org, listener.map_err(|error| Problem::new(Code::Unavailable).caused_by(error))?));
    }
    let presence = match (asked.presence, &watched) {
        (Presence::Told, Watched::Document(name, _)) => Some(PresenceListener::attach(&api, &caller, name).await?),
        _ => None,
    };
    let position = match &asked.after {
        Some(after) => watched.resume(&api, Some(after)).await?,
        None => watched.position(places_of(&listeners)),
    };
    let now = Instant::now();
    let until = caller.authenticated.expires_at;
    let streaming = Streaming {
        _guard: api.lifecycle.connection("event stream"),
        _place: place,
        position,
        catching_up: asked.after.is_some(),
        next_beat: now + heartbeat(&api),
        next_access_check: now + access_check(&api),
        until,
        state: State::Beginning,
        api,
        caller,
        watched,
        queue,
        listeners,
        presence,
        access,
    };
    Ok(event_stream(stream::unfold(streaming, async |mut streaming| {
        let chunk = streaming.next().await?;
        Some((chunk, streaming))
    })))
}

/// One event of a stream, as clients of server-sent events read it (WHATWG HTML §9.2).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is only described: what is sent is written as text")]
pub(crate) struct ServerSentEvent {
    /// Where to go on: `Last-Event-ID` of a stream that is to begin after it.
    id: Option<String>,
    /// Of which sort it is.
    event: Option<String>,
    /// What it tells, as JSON.
    data: String,
}

/// An answer that goes on, of messages of server-sent events.
pub(crate) fn event_stream(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store, no-transform"),
        (X_ACCEL_BUFFERING, "no"),
        (VARY, "accept"),
    ];
    (headers, Body::from_stream(chunks.map(Ok::<_, Infallible>))).into_response()
}

struct Streaming {
    api: Arc<Api>,
    caller: Caller,
    watched: Watched,
    queue: Arc<Queue>,
    listeners: Vec<(OrgId, EventListener)>,
    presence: Option<PresenceListener>,
    access: AccessListener,
    /// The client has everything up to here.
    position: Position,
    /// There may be something after the position that is only in the table.
    catching_up: bool,
    next_beat: Instant,
    next_access_check: Instant,
    until: DateTime<Utc>,
    state: State,
    _place: Place,
    _guard: ConnectionGuard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Going,
    Ended,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The caller may not listen any more.
    AccessEnded,
    /// The caller belongs to other organizations now.
    OrganizationsChanged,
    /// The caller's token has run out.
    TokenExpired,
    /// What comes next is no longer kept.
    EventsGone,
    /// The document whose presence is told must be opened anew.
    DocumentUnavailable,
    /// The server is about to stop.
    Restarting,
}

impl End {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessEnded => "ACCESS_ENDED",
            Self::OrganizationsChanged => "ORGANIZATIONS_CHANGED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::EventsGone => "EVENTS_GONE",
            Self::DocumentUnavailable => "DOCUMENT_UNAVAILABLE",
            Self::Restarting => "RESTARTING",
        }
    }
}

fn heartbeat(api: &Api) -> Duration {
    Duration::from_secs(api.limits.event_heartbeat_seconds)
}

fn access_check(api: &Api) -> Duration {
    Duration::from_secs(api.limits.access_check_seconds)
}

impl Streaming {
    /// What is to be sent next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        match self.state {
            State::Ended => return None,
            State::Beginning => {
                self.state = State::Going;
                // The id is for a client that comes back before anything has happened.
                return Some(format!("retry: {RETRY_MS}\nid: {}\n: welcome\n\n", self.position).into());
            }
            State::Going => {}
        }
        loop {
            let step = if self.catching_up { self.catch_up().await } else { self.listen().await };
            match step {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => {
                    self.next_beat = Instant::now() + heartbeat(&self.api);
                    return Some(chunk);
                }
                Err(end) => {
                    self.state = State::Ended;
                    return Some(self.farewell(end));
                }
            }
        }
    }

    /// Reads from the table what comes next.
    async fn catch_up(&mut self) -> Result<Bytes, End> {
        // What came into the queue until now is in the table.
        drop(self.queue.take());
        match self.read_some().await {
            Ok(Some(chunk)) => Ok(chunk),
            Ok(None) => Err(End::EventsGone),
            Err(error) => {
                tracing::warn!(%error, "events could not be read for a stream");
                tokio::time::sleep(DATABASE_PAUSE).await;
                self.look_around().await
            }
        }
    }

    /// The next events of the table; `None` when some of them are no longer there.
    async fn read_some(&mut self) -> Result<Option<Bytes>, DbError> {
        let (user, kinds) = (self.caller.user, self.queue.kinds());
        let found = self.watched.read(&self.api, user, kinds, &self.position, EVENTS_AT_ONCE).await?;
        let Some(Found { items, position, has_more }) = found else { return Ok(None) };
        let mut chunk = BytesMut::new();
        for event in &items {
            self.position.advance(event.org, event.id);
            chunk.extend_from_slice(&encode(event, &self.position));
        }
        self.catching_up = has_more;
        self.position = position;
        Ok(Some(chunk.freeze()))
    }

    /// Waits for what happens next.
    async fn listen(&mut self) -> Result<Bytes, End> {
        // Read before the queue: all that is in the stream up to here is in the queue by now.
        let read = places_of(&self.listeners);
        match self.queue.take() {
            Taken::TooMany => {
                self.catching_up = true;
                return Ok(Bytes::new());
            }
            Taken::Events(events) => {
                let mut chunk = Vec::new();
                for event in events {
                    if event.id > self.position.of(event.org) {
                        self.position.advance(event.org, event.id);
                        chunk.push(self.encoded(&event));
                    }
                }
                for (org, read) in read {
                    self.position.advance(org, read);
                }
                match chunk.as_slice() {
                    [] => {}
                    [only] => return Ok(only.clone()),
                    several => return Ok(several.concat().into()),
                }
            }
        }
        if let Some(chunk) = self.presence()? {
            return Ok(chunk);
        }
        tokio::select! {
            () = self.queue.noted() => Ok(Bytes::new()),
            () = presence::noted(self.presence.as_ref()) => Ok(Bytes::new()),
            change = self.access.changed() => {
                let wait = match change {
                    AccessChange::Of(user) if user == self.caller.user => {
                        self.check_access().await?;
                        // What was committed a moment ago may not have been seen.
                        SECOND_LOOK
                    }
                    AccessChange::Of(_) => return Ok(Bytes::new()),
                    // All streams hear this at the same time.
                    AccessChange::Unknown => Duration::from_millis(self.api.random.below(MISSED_NEWS_SPREAD_MS)),
                };
                self.next_access_check = self.next_access_check.min(Instant::now() + wait);
                Ok(Bytes::new())
            }
            () = sleep_until(self.next_look()) => self.look_around().await,
            () = self.api.lifecycle.draining().cancelled_owned() => Err(End::Restarting),
        }
    }

    /// Who is in the document, if that was asked for and is another than before.
    fn presence(&self) -> Result<Option<Bytes>, End> {
        let Some(listener) = &self.presence else { return Ok(None) };
        let is_draining = self.api.lifecycle.draining().is_cancelled();
        listener.take().map_err(|RoomEnded| if is_draining { End::Restarting } else { End::DocumentUnavailable })
    }

    /// An event that the client has just come to.
    fn encoded(&self, event: &Event) -> Bytes {
        match self.position {
            // The same for all streams.
            Position::In(..) => event.encoded(Encoding::EventStream, |event| encode(event, &self.position)),
            Position::OfPerson(_) => encode(event, &self.position),
        }
    }

    /// When something is due.
    fn next_look(&self) -> Instant {
        let left = (self.until - self.api.clock.now()).to_std().unwrap_or_default();
        self.next_beat.min(self.next_access_check).min(Instant::now() + left)
    }

    /// Does what is due: gives a sign of life, looks access up, ends what has run out.
    async fn look_around(&mut self) -> Result<Bytes, End> {
        let now = Instant::now();
        if self.api.lifecycle.draining().is_cancelled() {
            return Err(End::Restarting);
        }
        if self.api.clock.now() >= self.until {
            return Err(End::TokenExpired);
        }
        if now >= self.next_access_check {
            self.next_access_check = now + access_check(&self.api);
            self.check_access().await?;
        }
        if now < self.next_beat {
            return Ok(Bytes::new());
        }
        // Without data this is no event, but it tells how far the client has come.
        Ok(format!("id: {}\n: still here\n\n", self.position).into())
    }

    async fn check_access(&self) -> Result<(), End> {
        match self.watched.is_open_to(&self.api, &self.caller).await {
            Ok(true) => Ok(()),
            Ok(false) if matches!(self.watched, Watched::Person(_)) => Err(End::OrganizationsChanged),
            Ok(false) => Err(End::AccessEnded),
            // An access that cannot be looked up now stays as it was, until the token ends.
            Err(error) => {
                tracing::warn!(%error, "the access of an event stream could not be looked up");
                Ok(())
            }
        }
    }

    /// The last event: why the stream ends, and when to come back.
    fn farewell(&self, end: End) -> Bytes {
        let mut text = String::new();
        if matches!(end, End::Restarting) {
            let retry = RETRY_MS / 2 + self.api.random.below(RESTART_SPREAD_MS);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "retry: {retry}");
        }
        let _ = write!(text, "id: {}\nevent: end\ndata: {{\"reason\":\"{}\"}}\n\n", self.position, end.as_str());
        text.into()
    }
}

/// How far the streams have been read, for those who listen.
fn places_of(listeners: &[(OrgId, EventListener)]) -> Vec<(OrgId, EventId)> {
    listeners.iter().map(|(org, listener)| (*org, listener.position())).collect()
}

/// An event at the position that its client has come to with it. JSON has no line breaks of its own.
fn encode(event: &Event, position: &Position) -> Bytes {
    // Maps with text keys and plain values: serialization cannot fail.
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {position}\nevent: {}\ndata: {data}\n\n", event.kind).into()
}
