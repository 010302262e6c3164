//! The loop that serves one socket, whatever dialect it speaks.
//!
//! One task reads and writes. What waits in the outbox is fed to the socket together and flushed once. While a write
//! is under way nothing is read: a client that does not read cannot make the server work for it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use documents::delivery::EndReason;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, timeout};
use web_protocol::close;

use crate::outbox::{ChannelKey, Outbox, Waiting};
use crate::server::Shared;

/// Frames are flushed after about so many bytes, so that a slow client makes visible progress.
const WRITE_BYTES: usize = 64 * 1024;
/// How long one flush may take, besides what its bytes may take.
const WRITE_STALL: Duration = Duration::from_mins(1);
/// The slowest connection that is still served, in bytes per second.
const SLOWEST_BYTES_PER_SECOND: u64 = 4 * 1024;
/// How long a client may take to answer a close.
const CLOSE_ANSWER: Duration = Duration::from_secs(2);
/// A socket is not looked after more often than this.
const SHORTEST_BEAT: Duration = Duration::from_millis(10);
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
    /// Access may have changed: begin to check it again. [`Self::progress`] goes on with it.
    fn check_access(&mut self);
    /// The server is about to shut down.
    fn draining(&mut self) -> Flow;
    /// When the socket's authority ends.
    fn authorized_until(&self) -> DateTime<Utc>;
    /// The authority ends soon.
    fn expiring(&mut self);
}

/// Serves a socket until either side ends it.
pub(crate) async fn serve<D: Dialect>(mut socket: WebSocket, outbox: &Arc<Outbox>, mut dialect: D, shared: &Shared) {
    let _open = shared.metrics.socket_opened();
    let _running = shared.lifecycle.connection("socket");
    let now = Instant::now();
    let close = Serving { outbox, shared, last_heard: now, pinged: None, last_access_check: now, told_expiring: None }
        .run(&mut socket, &mut dialect)
        .await;
    drop(dialect);
    // The answer to a client's own close is written with the next flush.
    let _ = timeout(WRITE_STALL, socket.flush()).await;
    if let Some((code, reason)) = close {
        let last_words = async {
            let Waiting { frames, .. } = outbox.take();
            for frame in frames {
                socket.feed(frame).await?;
            }
            socket.flush().await
        };
        if let Ok(Ok(())) = timeout(WRITE_STALL, last_words).await {
            self::close(&mut socket, code, reason).await;
        }
    }
}

/// Tells the client why the socket ends, and waits until it has heard it: a connection that is dropped with something
/// unread on it is reset, and the close code is lost on the way.
pub(crate) async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let goodbye = async {
        socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        while socket.next().await.transpose()?.is_some() {}
        Ok::<(), axum::Error>(())
    };
    // The client may be gone already.
    let _ = timeout(CLOSE_ANSWER, goodbye).await;
}

struct Serving<'a> {
    outbox: &'a Outbox,
    shared: &'a Shared,
    last_heard: Instant,
    /// When the client was asked for a sign of life that has not come yet.
    pinged: Option<Instant>,
    last_access_check: Instant,
    told_expiring: Option<DateTime<Utc>>,
}

impl Serving<'_> {
    /// Returns the close code and reason when it is the server that ends the socket.
    async fn run<D: Dialect>(mut self, socket: &mut WebSocket, dialect: &mut D) -> Option<(u16, &'static str)> {
        let draining = self.shared.lifecycle.draining();
        let shutdown = self.shared.lifecycle.shutdown_token();
        let mut told_draining = false;
        // The first look is at once: the authority may end soon.
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        loop {
            let flow = tokio::select! {
                biased;
                () = shutdown.cancelled() => Flow::Close(close::RESTART, "the server restarts"),
                () = draining.cancelled(), if !told_draining => {
                    told_draining = true;
                    dialect.draining()
                }
                // Before the frames: however many there are, a socket must not outlive its authority.
                () = &mut timer => {
                    let flow = self.beat(socket, dialect).await?;
                    if flow == Flow::Continue && self.last_access_check.elapsed() >= self.access_check() {
                        self.last_access_check = Instant::now();
                        dialect.check_access();
                    }
                    timer.as_mut().reset(Instant::now() + self.next_beat(dialect));
                    flow
                }
                () = self.outbox.ready() => match self.write(socket, dialect).await {
                    Ok(flow) => flow,
                    Err(Gone) => return None,
                },
                frame = socket.next() => match frame {
                    Some(Ok(frame)) => self.read(frame, dialect).await?,
                    Some(Err(error)) => return read_failed(error),
                    None => return None,
                },
                flow = dialect.progress() => flow,
            };
            if let Flow::Close(code, reason) = flow {
                return Some((code, reason));
            }
        }
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.shared.limits.heartbeat_seconds)
    }

    fn access_check(&self) -> Duration {
        Duration::from_secs(self.shared.limits.access_check_seconds)
    }

    /// Handles a frame. `None` when the client closes the socket.
    async fn read<D: Dialect>(&mut self, frame: Message, dialect: &mut D) -> Option<Flow> {
        self.last_heard = Instant::now();
        self.pinged = None;
        self.shared.metrics.frames_in.inc();
        match frame {
            Message::Text(text) => Some(dialect.text(&text).await),
            Message::Binary(bytes) => {
                self.shared.metrics.bytes_in.inc_by(bytes.len() as u64);
                Some(dialect.binary(bytes).await)
            }
            Message::Ping(_) | Message::Pong(_) => Some(Flow::Continue),
            Message::Close(_) => None,
        }
    }

    /// Writes all that waits, in as few writes as its size allows.
    async fn write<D: Dialect>(&self, socket: &mut WebSocket, dialect: &mut D) -> Result<Flow, Gone> {
        let Waiting { frames, bytes, ended } = self.outbox.take();
        self.shared.metrics.frames_out.inc_by(frames.len() as u64);
        self.shared.metrics.bytes_out.inc_by(bytes as u64);
        let mut unflushed = 0;
        for frame in frames {
            let size = size_of_frame(&frame);
            unflushed += size;
            timeout(stall_limit(size), socket.feed(frame)).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
            if unflushed >= WRITE_BYTES {
                timeout(stall_limit(unflushed), socket.flush()).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
                unflushed = 0;
            }
        }
        if unflushed > 0 {
            timeout(stall_limit(unflushed), socket.flush()).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
        }
        for channel in self.outbox.drained() {
            dialect.drained(channel);
        }
        let flows = ended.into_iter().map(|(channel, reason)| dialect.ended(channel, reason));
        Ok(flows.reduce(|first, next| if first == Flow::Continue { next } else { first }).unwrap_or(Flow::Continue))
    }

    /// Looks after silence and authority. `None` when the client is gone.
    async fn beat<D: Dialect>(&mut self, socket: &mut WebSocket, dialect: &mut D) -> Option<Flow> {
        let now = self.shared.clock.now();
        let until = dialect.authorized_until();
        if now >= until {
            return Some(Flow::Close(close::AUTHORITY_ENDED, "the token has run out"));
        }
        if now >= until - AUTHORITY_NOTICE && self.told_expiring != Some(until) {
            self.told_expiring = Some(until);
            dialect.expiring();
        }
        // The silence of a client that took long to read what it was sent counts from its ping on.
        match self.pinged {
            Some(pinged) if pinged.elapsed() >= self.heartbeat() => {
                return Some(Flow::Close(close::TIMEOUT, "nothing was heard for too long"));
            }
            None if self.last_heard.elapsed() >= self.heartbeat() => {
                timeout(WRITE_STALL, socket.send(Message::Ping(Bytes::new()))).await.ok()?.ok()?;
                self.pinged = Some(Instant::now());
            }
            _ => {}
        }
        Some(Flow::Continue)
    }

    /// The next look: at the latest after a heartbeat, and in time for the authority's end and the check of access.
    fn next_beat<D: Dialect>(&self, dialect: &D) -> Duration {
        let now = self.shared.clock.now();
        let until = dialect.authorized_until();
        let notice = until - AUTHORITY_NOTICE;
        let next = if notice > now { notice } else { until };
        let left = (next - now).to_std().unwrap_or_default() + Duration::from_millis(1);
        let silence = self.heartbeat().saturating_sub(self.pinged.unwrap_or(self.last_heard).elapsed());
        let access = self.access_check().saturating_sub(self.last_access_check.elapsed());
        left.min(silence.min(access).max(SHORTEST_BEAT))
    }
}

/// The connection is broken.
struct Gone;

fn size_of_frame(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

fn stall_limit(bytes: usize) -> Duration {
    WRITE_STALL + Duration::from_secs(bytes as u64 / SLOWEST_BYTES_PER_SECOND)
}

fn read_failed(error: axum::Error) -> Option<(u16, &'static str)> {
    use tokio_tungstenite::tungstenite::Error;
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => Some((close::TOO_LARGE, "the frame is too large")),
        Some(Error::Protocol(_) | Error::Utf8(_)) => Some((close::MALFORMED, "this is not the WebSocket protocol")),
        _ => None,
    }
}
