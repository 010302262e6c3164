//! The loop that serves one socket, whatever dialect it speaks.
//!
//! The socket's task reads, and looks after what takes time; rooms write ([`crate::outbox`]). While a client does not
//! read what it is sent, nothing that it says is read.

use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use documents::delivery::EndReason;
use platform::access::{AccessChange, AccessListener};
use platform::ingress::Pass;
use platform::limits::Limit;
use platform::rate_limiter::Whom;
use schema::ids::UserId;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use web_protocol::close;

use crate::incoming::{Incoming, Message, ReadError};
use crate::outbox::{ChannelKey, Connection, Outbox, Progress, Report};
use crate::server::Shared;
use crate::throttle::{Pace, Throttle};
use crate::upgrade::Connected;
use crate::websocket;

/// How long a connection may take nothing of what waits for it.
const WRITE_STALL: Duration = Duration::from_mins(1);
/// How long a client may take to answer a close.
const CLOSE_ANSWER: Duration = Duration::from_secs(2);
/// A socket is not looked after more often than this.
const SHORTEST_BEAT: Duration = Duration::from_millis(10);
/// How long after a change of access it is looked up once more.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// When news of access may have been missed, all sockets look it up again within this time, not all at once.
const MISSED_NEWS_SPREAD: Duration = Duration::from_secs(10);
/// When the server restarts, sockets are closed at this pace, so that clients come back one after the other ...
const RESTART_PACE: Duration = Duration::from_millis(2);
/// ... and all of them within this time.
const RESTART_SPREAD_MAX: Duration = Duration::from_secs(5);
/// How long before its end a client is told that its authority runs out.
const AUTHORITY_NOTICE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// What becomes of the socket after something was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It goes on.
    Continue,
    /// It is closed, with this code and reason.
    Close(u16, &'static str),
}

/// What a protocol makes of a socket's events.
pub(crate) trait Dialect: Send {
    /// Its name in metrics.
    const NAME: &'static str;
    /// A text frame came.
    fn text(&mut self, text: &str) -> impl Future<Output = Flow> + Send;
    /// A binary frame came.
    fn binary(&mut self, frame: Bytes) -> impl Future<Output = Flow> + Send;
    /// Waits for something that the dialect itself has under way, and handles it. Dropping the future loses nothing.
    fn progress(&mut self) -> impl Future<Output = Flow> + Send;
    /// A channel's room has ended it.
    fn ended(&mut self, channel: ChannelKey, reason: EndReason) -> Flow;
    /// The outbox is empty after something was withheld from a channel.
    fn drained(&mut self, channel: ChannelKey);
    /// Whether somebody on the socket acts for this person, or may turn out to.
    fn acts_for(&self, user: UserId) -> bool;
    /// Access may have changed: begin to check it again. [`Self::progress`] goes on with it.
    fn check_access(&mut self);
    /// The server is about to shut down.
    fn draining(&mut self) -> Flow;
    /// For whom the socket counts, once that is known. Then it stays so.
    fn whose(&self) -> Option<Whom>;
    /// When the socket's authority ends.
    fn authorized_until(&self) -> DateTime<Utc>;
    /// The authority ends soon.
    fn expiring(&mut self);
}

/// Serves a socket until either side ends it. `access` has listened since before access was first looked up; `places` is
/// what the socket takes up until it has ended.
///
/// No `async fn`: that keeps room for its arguments twice, for as long as the socket is open.
pub(crate) fn serve<D: Dialect>(
    connected: Connected,
    outbox: Arc<Outbox>,
    mut dialect: D,
    shared: Arc<Shared>,
    access: AccessListener,
    places: impl Send,
) -> impl Future<Output = ()> + Send {
    let Connected { stream, read, pass } = connected;
    async move {
        let _open = shared.metrics.socket_opened(D::NAME);
        let _running = shared.lifecycle.connection("socket");
        let stream = outbox.connect(stream);
        let mut incoming = of_stranger(stream, &outbox, &read, &shared);
        let mut serving = Serving::new(stream, &outbox, &shared, pass, access);
        serving.learn_whose(&mut incoming, &dialect);
        let close = serving.run(&mut incoming, &mut dialect).await;
        drop(dialect);
        if let Some((code, reason)) = close {
            if code == close::RESTART {
                Box::pin(wait_for_turn_to_leave(&shared)).await;
            }
            // Boxed: until it ends, the socket need not keep room for its end.
            Box::pin(self::close(stream, &outbox, &mut incoming, code, reason)).await;
        }
        drop(places);
    }
}

/// What somebody says of whom nothing is known yet.
fn of_stranger<'a>(stream: &'a TcpStream, outbox: &'a Outbox, read: &[u8], shared: &Shared) -> Incoming<'a> {
    let frame_bytes = shared.limits.unauthenticated_frame_bytes.min(shared.limits.frame_bytes);
    Incoming::new(stream, outbox, read, frame_bytes, &shared.waiting)
}

/// Waits for a share of the time in which all sockets are closed. What the client says meanwhile it says again when it
/// comes back: all that it said before is durable.
async fn wait_for_turn_to_leave(shared: &Shared) {
    let spread = (RESTART_PACE * shared.metrics.open()).min(RESTART_SPREAD_MAX);
    let shutdown = shared.lifecycle.shutdown_token();
    tokio::select! {
        () = tokio::time::sleep(shared.next_share_of(spread)) => {}
        () = shutdown.cancelled() => {}
    }
}

/// Refuses a socket whose handshake is over.
pub(crate) async fn refuse(connected: Connected, shared: &Shared, code: u16, reason: &'static str) {
    let outbox = Outbox::new(shared.limits.outbox_bytes, &shared.metrics);
    let stream = outbox.connect(connected.stream);
    let mut incoming = of_stranger(stream, &outbox, &connected.read, shared);
    close(stream, &outbox, &mut incoming, code, reason).await;
}

/// Tells the client why the socket ends, after all that waits for it, and waits until it has heard it: a connection
/// that is dropped with something unread on it is reset, and the close code is lost on the way.
async fn close(stream: &TcpStream, outbox: &Outbox, incoming: &mut Incoming<'_>, code: u16, reason: &'static str) {
    outbox.abandon_all();
    incoming.close(code, reason);
    let written = async {
        while outbox.report().connection == Connection::Full {
            stream.writable().await.ok()?;
            outbox.resume();
        }
        Some(())
    };
    let heard = async { while !matches!(incoming.next().await, Ok(Message::Close) | Err(_)) {} };
    // The client may be gone already.
    if let Ok(Some(())) = timeout(WRITE_STALL, written).await {
        let _ = timeout(CLOSE_ANSWER, heard).await;
    }
}

/// Whether what waited for the connection was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Greeting {
    /// Not yet: there may be something to read first.
    Due,
    /// It is time, once a room that was told something has had its turn.
    Now,
    Said,
}

struct Serving<'a> {
    stream: &'a TcpStream,
    outbox: &'a Outbox,
    shared: &'a Shared,
    /// When the client was asked for a sign of life that has not come yet.
    pinged: Option<Instant>,
    /// Since when the connection has taken nothing of what waits.
    full_since: Option<Instant>,
    access: AccessListener,
    next_access_check: Instant,
    told_expiring: Option<DateTime<Utc>>,
    /// Whether it is known whose socket it is.
    authenticated: bool,
    pass: Option<Arc<Pass>>,
    throttle: Throttle,
}

impl<'a> Serving<'a> {
    fn new(
        stream: &'a TcpStream,
        outbox: &'a Outbox,
        shared: &'a Shared,
        pass: Option<Arc<Pass>>,
        access: AccessListener,
    ) -> Self {
        Self {
            stream,
            outbox,
            shared,
            pinged: None,
            full_since: None,
            access,
            next_access_check: Instant::now() + Duration::from_secs(shared.limits.access_check_seconds),
            told_expiring: None,
            authenticated: false,
            pass,
            throttle: Throttle::new(&shared.limits),
        }
    }

    /// Returns the close code and reason when it is the server that ends the socket.
    async fn run<D: Dialect>(&mut self, incoming: &mut Incoming<'_>, dialect: &mut D) -> Option<(u16, &'static str)> {
        let (drain, shutdown) = (self.shared.lifecycle.draining(), self.shared.lifecycle.shutdown_token());
        // Made once: to wait anew for each frame would cost two locks that all sockets share.
        let (draining, shutdown) = (drain.cancelled(), shutdown.cancelled());
        // The first look is at once: the authority may end soon.
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(draining, shutdown, timer);
        let (mut told_draining, mut is_read) = (false, true);
        let mut greeting = Greeting::Due;
        // When many come at the same moment, others have their turn here, and the client's first word may be there after it:
        // what it is greeted with and its answer then go in one write.
        tokio::task::yield_now().await;
        loop {
            let is_full = self.full_since.is_some();
            let was_read = is_read;
            is_read = (!is_full || self.outbox.may_read()) && self.throttle.paused_until().is_none();
            if is_read && !was_read {
                incoming.resume();
            }
            let flow = tokio::select! {
                biased;
                () = &mut shutdown => Flow::Close(close::RESTART, "the server restarts"),
                () = &mut draining, if !told_draining => {
                    told_draining = true;
                    dialect.draining()
                }
                // Before the frames: however many there are, a socket must not outlive its authority.
                () = &mut timer => {
                    let flow = self.beat(incoming.heard(), dialect)?;
                    if flow == Flow::Continue && Instant::now() >= self.next_access_check {
                        self.next_access_check = Instant::now() + self.access_check();
                        dialect.check_access();
                    }
                    timer.as_mut().reset(Instant::now() + self.next_beat(incoming.heard(), dialect));
                    flow
                }
                change = self.access.changed() => {
                    self.access_changed(change, dialect);
                    timer.as_mut().reset(Instant::now() + self.next_beat(incoming.heard(), dialect));
                    Flow::Continue
                }
                () = self.outbox.ready() => self.look_after_outbox(dialect)?,
                // With no future of its own, which every socket's task would keep room for. Nobody else waits for this.
                writable = poll_fn(|context| self.stream.poll_write_ready(context)), if is_full => {
                    writable.ok()?;
                    self.outbox.resume();
                    self.full_since = None;
                    self.look_after_outbox(dialect)?
                }
                // A client that does not read cannot make the server work for it.
                message = incoming.next(), if is_read => match message {
                    Ok(message) => {
                        greeting = greeting.max(Greeting::Now);
                        let pace = self.throttle.spend(Instant::now(), message.len());
                        let flow = self.read(message, dialect).await?;
                        if pace == Pace::On { flow } else {
                            timer.as_mut().reset(Instant::now() + self.next_beat(incoming.heard(), dialect));
                            self.slow_down(pace, flow)
                        }
                    }
                    Err(error) => return self.read_failed(&error),
                },
                flow = dialect.progress() => flow,
                () = ready(()), if greeting == Greeting::Due => {
                    greeting = Greeting::Now;
                    Flow::Continue
                }
            };
            if let Flow::Close(code, reason) = flow {
                return Some((code, reason));
            }
            if !self.authenticated {
                self.learn_whose(incoming, dialect);
            }
            match greeting {
                Greeting::Due => continue,
                Greeting::Now => {
                    greeting = Greeting::Said;
                    tokio::task::yield_now().await;
                }
                Greeting::Said => {}
            }
            if self.outbox.flush() == Progress::Paused {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Treats the client as somebody who is known, if that is so by now.
    fn learn_whose<D: Dialect>(&mut self, incoming: &mut Incoming<'_>, dialect: &D) {
        let Some(whose) = dialect.whose() else { return };
        self.authenticated = true;
        if let Some(pass) = self.pass.take() {
            pass.authenticated();
        }
        let account = self.shared.accounts.of(whose);
        incoming.admit(self.shared.limits.frame_bytes, account.unfinished());
        self.throttle.count_for(account);
    }

    /// A client talks faster than it may. Nobody has patience with a stranger.
    fn slow_down(&self, pace: Pace, flow: Flow) -> Flow {
        if (pace == Pace::Flooded || !self.authenticated) && flow == Flow::Continue {
            self.shared.reached.count(Limit::Flood);
            return Flow::Close(close::TOO_MANY, "messages come too fast for too long");
        }
        self.shared.reached.count(Limit::MessageRate);
        flow
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.shared.limits.heartbeat_seconds)
    }

    fn access_check(&self) -> Duration {
        Duration::from_secs(self.shared.limits.access_check_seconds)
    }

    /// Does what rooms and the connection have left to the socket's task. `None` when the client is gone.
    fn look_after_outbox<D: Dialect>(&mut self, dialect: &mut D) -> Option<Flow> {
        let Report { connection, drained, ended } = self.outbox.report();
        match connection {
            Connection::Open => self.full_since = None,
            Connection::Full => {
                self.full_since.get_or_insert_with(Instant::now);
            }
            Connection::Broken => return None,
        }
        for channel in drained {
            dialect.drained(channel);
        }
        let flows = ended.into_iter().map(|(channel, reason)| dialect.ended(channel, reason));
        Some(flows.reduce(|first, next| if first == Flow::Continue { next } else { first }).unwrap_or(Flow::Continue))
    }

    fn access_changed<D: Dialect>(&mut self, change: AccessChange, dialect: &mut D) {
        let wait = match change {
            AccessChange::Of(user) if dialect.acts_for(user) => {
                dialect.check_access();
                // What is being opened right now may have been granted just before.
                SECOND_LOOK
            }
            AccessChange::Of(_) => return,
            // All sockets hear this at the same time.
            AccessChange::Unknown => self.shared.next_share_of(MISSED_NEWS_SPREAD),
        };
        self.next_access_check = self.next_access_check.min(Instant::now() + wait);
    }

    /// Handles a message. `None` when the client closes the socket.
    async fn read<D: Dialect>(&mut self, message: Message, dialect: &mut D) -> Option<Flow> {
        self.shared.metrics.frames_in.inc();
        match message {
            Message::Text(text) => Some(dialect.text(&text).await),
            Message::Binary(bytes) => {
                self.shared.metrics.bytes_in.inc_by(bytes.len() as u64);
                Some(dialect.binary(bytes).await)
            }
            Message::Fragment | Message::SignOfLife => Some(Flow::Continue),
            Message::Close => None,
        }
    }

    fn read_failed(&self, error: &ReadError) -> Option<(u16, &'static str)> {
        match error {
            ReadError::TooLarge => {
                self.shared.reached.count(Limit::FrameBytes);
                Some((close::TOO_LARGE, "the frame is too large"))
            }
            ReadError::Crowded => {
                self.shared.reached.count(Limit::UnfinishedBytes);
                Some((close::TRY_LATER, "too many large messages are under way; send this again later"))
            }
            ReadError::TooSlow => {
                self.shared.reached.count(Limit::UnfinishedBytes);
                Some((close::TRY_LATER, "too many large messages are under way, and this one comes too slowly"))
            }
            ReadError::Malformed(_) => Some((close::MALFORMED, "this is not the WebSocket protocol")),
            ReadError::Gone(_) => None,
        }
    }

    /// Looks after silence, stalls and authority. `None` when the client is gone.
    fn beat<D: Dialect>(&mut self, heard: Instant, dialect: &mut D) -> Option<Flow> {
        let now = self.shared.clock.now();
        let until = dialect.authorized_until();
        if now >= until {
            return Some(Flow::Close(close::AUTHORITY_ENDED, "the token has run out"));
        }
        if now >= until - AUTHORITY_NOTICE && self.told_expiring != Some(until) {
            self.told_expiring = Some(until);
            dialect.expiring();
        }
        if self.full_since.is_some_and(|since| since.elapsed() >= WRITE_STALL) {
            return None;
        }
        if self.throttle.resume(Instant::now()) {
            self.pinged = None;
        }
        // Who is not read cannot answer.
        if self.throttle.paused_until().is_some() {
            return Some(Flow::Continue);
        }
        self.pinged = self.pinged.filter(|pinged| *pinged >= heard);
        // The silence of a client that took long to read what it was sent counts from its ping on.
        match self.pinged {
            Some(pinged) if pinged.elapsed() >= self.heartbeat() => {
                return Some(Flow::Close(close::TIMEOUT, "nothing was heard for too long"));
            }
            None if heard.elapsed() >= self.heartbeat() && self.full_since.is_none() => {
                self.outbox.push_frame(websocket::ping());
                self.pinged = Some(Instant::now());
            }
            _ => {}
        }
        Some(Flow::Continue)
    }

    /// The next look: at the latest after a heartbeat, and in time for the authority's end and the check of access.
    fn next_beat<D: Dialect>(&self, heard: Instant, dialect: &D) -> Duration {
        let now = self.shared.clock.now();
        let until = dialect.authorized_until();
        let notice = until - AUTHORITY_NOTICE;
        let next = if notice > now { notice } else { until };
        let left = (next - now).to_std().unwrap_or_default() + Duration::from_millis(1);
        let silence = self.heartbeat().saturating_sub(self.pinged.unwrap_or(heard).elapsed());
        let access = self.next_access_check.saturating_duration_since(Instant::now());
        let pause = self.throttle.paused_until().map(|until| until.saturating_duration_since(Instant::now()));
        left.min(pause.unwrap_or(silence).min(access).max(SHORTEST_BEAT))
    }
}
