//! One connection of a writer to one instance, after the rules of SPEC.md and the ways of the SDK.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use rand::Rng as _;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use web_protocol::frame::{Body, Frame as ChannelFrame};

use super::writer::{Farewell, Phase, Receipt, Shared, Writer};
use crate::client::socket::{Frame, Opcode};
use crate::client::{Attachment, Dialect};

/// How long connecting and subscribing may take.
const OPEN_PATIENCE: Duration = Duration::from_secs(2);
/// Between two pings.
const PING: Duration = Duration::from_millis(400);
/// A connection over which nothing came for a time between these is given up.
const SILENCE: std::ops::Range<Duration> = Duration::from_millis(900)..Duration::from_secs(3);
/// After a time between these, a client goes elsewhere by itself, as one does whose network changes.
const ROAMING: std::ops::Range<Duration> = Duration::from_millis(300)..Duration::from_secs(8);
/// Between two renewals of presence.
const RENEWAL: Duration = Duration::from_millis(1500);
/// The SDK's bounds of the delay before what was put off is offered again, the upper one lowered.
const OFFER_AGAIN: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(300);
/// Who is about to leave may take so long to do so in order.
pub(super) const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);
/// Close codes after which a client does not come back.
const FINAL_CODES: [u16; 6] = [1009, 4400, 4401, 4403, 4404, 4501];

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// It is gone; the client comes back.
    Lost,
    /// The client has left.
    Left,
    /// The server said what it must not say to this client.
    Wrong(String),
}

struct Session<'a> {
    writer: &'a Writer,
    attachment: Attachment,
    number: u64,
    /// The server's state vector of its last step 1.
    server_vector: Option<Vec<u8>>,
    /// Frames that are not confirmed: number, edits and clock once it is.
    unconfirmed: VecDeque<(u64, u64, u32)>,
    /// When what was put off is offered again.
    offer_at: Option<Instant>,
    has_asked: bool,
    heard_at: Instant,
}

/// Connects and stays until something ends it.
pub(super) async fn run(writer: &Writer, shared: &Shared, address: SocketAddr) -> End {
    if shared.phase.get() == Phase::Leaving {
        return End::Left;
    }
    let opening = Attachment::open(address, Dialect::Ws, &writer.document, Some(&writer.token));
    let attachment = match timeout(OPEN_PATIENCE, opening).await {
        Ok(Ok(attachment)) => attachment,
        Ok(Err(error)) => {
            let error = format!("{error:#}");
            let is_final = error.contains(r#""retry":false"#)
                || FINAL_CODES.iter().any(|code| error.contains(&format!("closed the socket: {code} ")));
            return if is_final { End::Wrong(error) } else { End::Lost };
        }
        Err(_) => return End::Lost,
    };
    let Some(number) = attachment.channel_number() else { return End::Lost };
    let heard_at = Instant::now();
    let (server_vector, unconfirmed, offer_at) = (None, VecDeque::new(), None);
    let mut session =
        Session { writer, attachment, number, server_vector, unconfirmed, offer_at, has_asked: false, heard_at };
    match session.stay(shared).await {
        Ok(End::Left) => {
            session.leave(shared).await;
            End::Left
        }
        Ok(end) => end,
        Err(error) if is_loss(&error) => End::Lost,
        Err(error) => End::Wrong(format!("{error:#}")),
    }
}

/// Whether a connection broke, rather than the server what it should say on it.
fn is_loss(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != io::ErrorKind::InvalidData)
}

impl Session<'_> {
    async fn stay(&mut self, shared: &Shared) -> Result<End> {
        let (presence, state_vector, patience) = {
            let mut state = self.writer.state.borrow_mut();
            state.connections += 1;
            (state.awareness.renew(), state.replica.state_vector(), state.rng.random_range(SILENCE))
        };
        // Presence before any answer: a client id that is published counts as ours (D6).
        self.send_presence(presence)?;
        self.attachment.send_step_1(&state_vector)?;
        let (mut ping, mut renewal) = (interval(PING), interval(RENEWAL));
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let leaves_at = self.writer.leaves_at;
        let roams_at = Instant::now() + self.writer.state.borrow_mut().rng.random_range(ROAMING);
        loop {
            if shared.phase.get() == Phase::Writing && roams_at <= Instant::now() {
                return Ok(End::Lost);
            }
            if shared.phase.get() == Phase::Leaving || leaves_at.is_some_and(|(at, _)| at <= Instant::now()) {
                return Ok(End::Left);
            }
            let offer_at = self.offer_at;
            let offer = async {
                match offer_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ready = self.attachment.socket.ready() => {
                    ready?;
                    self.heard_at = Instant::now();
                    if let Some(end) = self.listen()? {
                        return Ok(end);
                    }
                }
                () = self.writer.news.notified() => self.send_news()?,
                () = offer => self.answer()?,
                _ = renewal.tick() => {
                    let presence = self.writer.state.borrow_mut().awareness.renew();
                    self.send_presence(presence)?;
                }
                _ = ping.tick() => {
                    self.attachment.socket.send(Opcode::Ping, b"")?;
                    if self.heard_at.elapsed() > patience {
                        return Ok(End::Lost);
                    }
                }
            }
        }
    }

    /// Handles all that has come.
    fn listen(&mut self) -> Result<Option<End>> {
        let mut answer = false;
        let mut contradictions = Vec::new();
        let mut ask = false;
        let mut end = None;
        {
            let mut state = self.writer.state.borrow_mut();
            while let Some(frame) = self.attachment.socket.take()? {
                match frame {
                    Frame::Binary(bytes) => match ChannelFrame::decode(bytes)? {
                        ChannelFrame { number, .. } if number != self.number => {}
                        ChannelFrame { body: Body::Step1(vector), .. } => {
                            self.server_vector = Some(vector.to_vec());
                            answer = true;
                        }
                        ChannelFrame { body: Body::Step2(update) | Body::Update(update), .. } => {
                            state.replica.apply(update)?;
                            ask |= state.replica.has_gap();
                        }
                        ChannelFrame { body: Body::Awareness(update), .. } => {
                            contradictions.extend(state.awareness.receive(update)?);
                        }
                        ChannelFrame { body: Body::Piece(_), .. } => anyhow::bail!("a piece that was not asked for"),
                        ChannelFrame { body: Body::Receipt { through, seq, .. }, .. } => {
                            while let Some((_, edits, clock)) =
                                self.unconfirmed.pop_front_if(|(number, ..)| *number <= through)
                            {
                                state.confirmed = state.confirmed.max(edits);
                                state.receipts.push(Receipt { seq, clock });
                            }
                        }
                    },
                    Frame::Text(text) => match notice(text) {
                        Notice::Nothing => {}
                        Notice::PutOff => {
                            // What follows builds upon it: all is offered again as a whole.
                            self.unconfirmed.clear();
                            state.link.is_live = false;
                            state.link.waiting.clear();
                            self.offer_at = Some(Instant::now() + state.rng.random_range(OFFER_AGAIN));
                        }
                        Notice::Resumed => answer |= self.offer_at.is_some(),
                        Notice::Ended(why) => end = Some(why),
                    },
                    Frame::Close { code, reason } if FINAL_CODES.contains(&code) => {
                        end = Some(End::Wrong(format!("the server closed the socket: {code} {reason}")));
                    }
                    Frame::Close { .. } => end = Some(End::Lost),
                    Frame::Pong => {}
                }
                if end.is_some() {
                    break;
                }
            }
        }
        if end.is_some() {
            return Ok(end);
        }
        for contradiction in contradictions {
            self.send_presence(Some(contradiction))?;
        }
        if ask && !self.has_asked {
            let state_vector = self.writer.state.borrow().replica.state_vector();
            self.attachment.send_step_1(&state_vector)?;
        }
        self.has_asked = ask;
        if answer {
            self.answer()?;
        }
        Ok(None)
    }

    /// Step 2: everything that the server lacked at its last step 1.
    fn answer(&mut self) -> Result<()> {
        self.offer_at = None;
        let Some(vector) = &self.server_vector else { return Ok(()) };
        let mut state = self.writer.state.borrow_mut();
        let frame = self.attachment.send_step_2(&state.replica.diff(vector)?)?;
        self.unconfirmed.push_back((frame, state.edits, state.clock()));
        state.link.waiting.clear();
        state.link.is_live = true;
        Ok(())
    }

    fn send_news(&mut self) -> Result<()> {
        let presence = {
            let mut state = self.writer.state.borrow_mut();
            let waiting = std::mem::take(&mut state.link.waiting);
            let first = state.edits - waiting.len() as u64;
            let last_clock = state.clock();
            let count = waiting.len() as u64;
            for (edits, update) in (first + 1..).zip(waiting) {
                let frame = self.attachment.queue_update(&update);
                // Of edits that are sent together, the clock is known for the last.
                let clock = if edits == first + count { last_clock } else { 0 };
                self.unconfirmed.push_back((frame, edits, clock));
            }
            state.link.presence.take()
        };
        self.attachment.socket.flush()?;
        self.send_presence(presence)
    }

    fn send_presence(&mut self, presence: Option<Vec<u8>>) -> Result<()> {
        if let Some(update) = presence {
            let frame = ChannelFrame { number: self.number, body: Body::Awareness(&update) };
            self.attachment.socket.send(Opcode::Binary, &frame.encode())?;
        }
        Ok(())
    }

    /// Leaves as it is fated to.
    async fn leave(mut self, shared: &Shared) {
        let how = self.writer.leaves_at.map_or(Farewell::Polite, |(_, how)| how);
        match how {
            Farewell::Polite => {
                let goodbye = self.writer.state.borrow_mut().awareness.leave();
                let _ = self.send_presence(goodbye);
                let flushing = async {
                    while self.attachment.socket.unsent_bytes() > 0 && self.attachment.socket.ready().await.is_ok() {
                        while let Ok(Some(_)) = self.attachment.socket.take() {}
                    }
                };
                let _ = timeout(FAREWELL_PATIENCE, flushing).await;
            }
            Farewell::Reset => drop(self.attachment.socket.reset_on_drop()),
            Farewell::Silence => shared.silent.borrow_mut().push(self.attachment),
        }
    }
}

enum Notice {
    Nothing,
    PutOff,
    Resumed,
    Ended(End),
}

fn notice(text: &str) -> Notice {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return Notice::Ended(End::Wrong(format!("no JSON: {text}")));
    };
    let may_retry = message["payload"]["retry"].as_bool() == Some(true);
    match message["type"].as_str() {
        Some("refused") if may_retry => Notice::PutOff,
        Some("unsubscribed" | "error") if may_retry => Notice::Ended(End::Lost),
        Some("refused" | "unsubscribed" | "error") => Notice::Ended(End::Wrong(text.to_owned())),
        Some("saving_resumed") => Notice::Resumed,
        _ => Notice::Nothing,
    }
}
