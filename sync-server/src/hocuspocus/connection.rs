//! One socket: its documents, and what becomes of its frames.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use documents::delivery::EndReason;
use documents::room::UpdateKind;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use platform::ingress::ClientAddress;
use platform::limits::Limit;
use platform::rate_limiter::Whom;
use schema::ids::UserId;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};
use web_protocol::hocuspocus::{ADDRESS_BYTES_MAX, Address, Frame, Message};
use web_protocol::{awareness, close};

use super::document::{Document, Open, State, Waiting};
use super::errand::{Errand, Task};
use super::ledger::Fate;
use super::opening::Denial;
use super::sink::Voice;
use super::tokens::UnderWay;
use crate::access_check::AccessCheck;
use crate::outbox::{ChannelKey, Outbox};
use crate::principals::Place;
use crate::server::Shared;
use crate::socket::{Dialect, Flow};
use crate::websocket::binary;
use crate::y_websocket::{AWARENESS_ENTRIES, state_of};

/// A provider closes a socket on which it heard nothing for 30 s, and does not see the WebSocket's own pings.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);
/// Tokens that run out so soon are asked for together with the first.
const RENEWED_TOGETHER: TimeDelta = TimeDelta::seconds(120);
/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The largest message of an application, in bytes.
const STATELESS_BYTES_MAX: usize = 64 * 1024;
/// A provider offers everything again when it comes back.
const SAVING_IS_BEHIND: Flow = Flow::Close(close::TRY_LATER, "saving is behind");
/// An awareness update about nobody, which every provider reads and makes nothing of.
const NOBODY: &[u8] = &[0];

/// One socket.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    pub(super) address: ClientAddress,
    pub(super) documents: HashMap<Arc<str>, Document>,
    pub(super) waiting: Waiting,
    /// Frames that came before it was known whose socket it is.
    unauthenticated_frames: usize,
    /// The principal for whom the first document was opened ...
    pub(super) whose: Option<Whom>,
    /// ... and the socket's place among theirs.
    pub(super) place: Option<Place>,
    pub(super) under_way: FuturesUnordered<UnderWay>,
    /// What was handled and has not reached its room yet, in order.
    errands: VecDeque<Errand>,
    pub(super) access_check: AccessCheck,
    /// Until one document is open, and so it is known whose socket it is: when the socket is closed.
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
    look_after: Interval,
    spoke: Arc<AtomicBool>,
    next_key: u64,
    draining: bool,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, address: ClientAddress) -> Self {
        let heartbeat = Duration::from_secs(shared.limits.heartbeat_seconds);
        let period = LONGEST_SILENCE.min(heartbeat / 2).max(Duration::from_millis(1));
        let mut look_after = interval_at(Instant::now() + period, period);
        look_after.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (waiting, authentication) =
            (Waiting::new(&shared.waiting), Duration::from_secs(shared.limits.authentication_seconds));
        Self {
            shared,
            outbox,
            address,
            documents: HashMap::new(),
            waiting,
            unauthenticated_frames: 0,
            whose: None,
            place: None,
            under_way: FuturesUnordered::new(),
            errands: VecDeque::new(),
            access_check: AccessCheck::default(),
            deadline: Some(Box::pin(sleep(authentication))),
            look_after,
            spoke: Arc::default(),
            next_key: 0,
            draining: false,
        }
    }

    /// Handles a frame as far as that needs no waiting.
    pub(super) fn take(&mut self, frame: &Bytes) -> Flow {
        let (address, message) = match Frame::decode(frame) {
            Ok(Frame::Message(address, message)) if !is_too_long(address, &message) => (address, message),
            Ok(Frame::Message(..)) | Err(_) => return Flow::Close(close::MALFORMED, "the frame cannot be decoded"),
            Ok(Frame::Ping) => {
                self.outbox.push_frame(binary(&Frame::Pong.encode(), Bytes::new()));
                return Flow::Continue;
            }
            Ok(Frame::Pong) => return Flow::Continue,
        };
        match (self.documents.get_mut(address.as_str()).map(|document| &mut document.state), message) {
            (None, message) => self.meet(address, message, frame),
            (Some(State::Open(_)), message) => self.handle(address, message, frame),
            (Some(State::Expected(_) | State::Denied), Message::Token { token, .. }) => self.open(address, token),
            (Some(State::Expected(_) | State::Denied), Message::Close(_)) => self.forget(address),
            (Some(State::Denied), _) => Flow::Continue,
            (Some(State::Expected(queue) | State::Opening(queue)), _) => {
                // A copy, so that what waits holds on to no more than its own bytes.
                let frame = Bytes::copy_from_slice(frame);
                if !self.waiting.take(&frame) {
                    return self.too_much_came();
                }
                queue.push_back(frame);
                Flow::Continue
            }
        }
    }

    fn too_much_came(&self) -> Flow {
        self.shared.reached.count(Limit::UnauthenticatedFrames);
        Flow::Close(close::UNAUTHORIZED, "too much came before a document was open")
    }

    /// The first message to an address.
    fn meet(&mut self, address: Address<'_>, message: Message<'_>, frame: &Bytes) -> Flow {
        let voice = self.voice(address);
        // What was closed while it was being opened is being opened still.
        if self.documents.len().max(self.under_way.len()) >= self.shared.limits.channels_per_socket {
            self.shared.reached.count(Limit::ChannelsOfSocket);
            if matches!(message, Message::Token { .. }) {
                voice.say(Message::PermissionDenied(Denial::TooManyDocuments.as_str()));
            }
            return Flow::Continue;
        }
        let state = State::Expected(VecDeque::new());
        self.documents.insert(Arc::clone(&voice.address), Document::new(voice, state));
        self.take(frame)
    }

    fn voice(&mut self, address: Address<'_>) -> Voice {
        let key = ChannelKey(self.next_key);
        self.next_key += 1;
        let (outbox, spoke) = (Arc::clone(&self.outbox), Arc::clone(&self.spoke));
        Voice { key, address: address.as_str().into(), outbox, spoke }
    }

    /// Handles a message to an open document.
    fn handle(&mut self, address: Address<'_>, message: Message<'_>, frame: &Bytes) -> Flow {
        let Some(State::Open(open)) = self.documents.get_mut(address.as_str()).map(|it| &mut it.state) else {
            return Flow::Continue;
        };
        let task = match message {
            Message::Step1(state_vector) => {
                open.sink.ledger().begin_anew();
                self.errands.push_back(Errand { session: Arc::clone(&open.session), task: Task::Ask });
                Task::Step1(frame.slice_ref(state_vector))
            }
            Message::Step2(update) => {
                if !open.sink.ledger().sent(UpdateKind::Step2, Fate::Saved) {
                    return SAVING_IS_BEHIND;
                }
                Task::Update(UpdateKind::Step2, frame.slice_ref(update))
            }
            Message::Update(update) => {
                // A reader's update is refused even when there is nothing new in it (H6).
                let fate = if open.sink.may_write() { Fate::Saved } else { Fate::Refused };
                if !open.sink.ledger().sent(UpdateKind::Live, fate) {
                    return SAVING_IS_BEHIND;
                }
                Task::Update(UpdateKind::Live, frame.slice_ref(update))
            }
            Message::Awareness(states) => match awareness::decode(states, AWARENESS_ENTRIES) {
                Ok(entries) => Task::Awareness(entries.into_iter().map(state_of).collect()),
                Err(_) => return Flow::Close(close::MALFORMED, "the awareness update cannot be decoded"),
            },
            Message::QueryAwareness => Task::QueryAwareness,
            Message::Stateless(payload) => {
                let now = self.shared.clock.monotonic_ms();
                if payload.len() > STATELESS_BYTES_MAX || !open.allowance.take(now) {
                    self.shared.reached.count(Limit::StatelessMessages);
                    return Flow::Continue;
                }
                Task::Stateless(payload.into())
            }
            Message::Token { token, .. } => return self.renew(address, token),
            Message::Close(_) => {
                self.end(address, "provider_initiated");
                return self.forget(address);
            }
            Message::BroadcastStateless(_) => {
                self.end(address, "broadcasts are not for clients to send");
                return Flow::Continue;
            }
            Message::TokenRequest
            | Message::PermissionDenied(_)
            | Message::Authenticated(_)
            | Message::SyncStatus(_)
            | Message::Unknown(_)
            | Message::UnknownAuth(_) => return Flow::Continue,
        };
        self.errands.push_back(Errand { session: Arc::clone(&open.session), task });
        Flow::Continue
    }

    /// Ends a document: its room hears what came before, its client nothing more but why.
    fn end(&mut self, address: Address<'_>, reason: &str) {
        let voice = self.voice(address);
        voice.say(Message::Close(Some(reason)));
        let denied = Document::new(voice.clone(), State::Denied);
        let before = self.documents.insert(voice.address, denied);
        self.let_go(before);
    }

    fn forget(&mut self, address: Address<'_>) -> Flow {
        let before = self.documents.remove(address.as_str());
        self.let_go(before);
        Flow::Continue
    }

    fn let_go(&mut self, document: Option<Document>) {
        match document.map(|document| document.state) {
            Some(State::Open(open)) => open.sink.leave(),
            Some(State::Expected(queue) | State::Opening(queue)) => self.waiting.give_back(&queue),
            Some(State::Denied) | None => {}
        }
    }

    /// Brings what was handled to the rooms. Dropping the future loses nothing.
    async fn run_errands(&mut self) {
        while let Some(errand) = self.errands.front() {
            // A room that is over has ended the session through its sink.
            let _ = errand.run().await;
            self.errands.pop_front();
        }
    }

    fn open_documents(&self) -> impl Iterator<Item = (&Voice, &Open)> {
        self.documents.values().filter_map(|document| match &document.state {
            State::Open(open) => Some((&document.voice, open)),
            _ => None,
        })
    }

    /// Keeps the client from taking silence for a broken connection, and asks for what could not be taken before.
    fn look_after_documents(&mut self) {
        let wanted = self.open_documents().filter(|(_, open)| open.sink.ledger().wants_asking());
        let errands: Vec<Errand> =
            wanted.map(|(_, open)| Errand { session: Arc::clone(&open.session), task: Task::Ask }).collect();
        self.errands.extend(errands);
        if !self.spoke.swap(false, Ordering::Relaxed)
            && let Some((voice, _)) = self.open_documents().next()
        {
            voice.say(Message::Awareness(NOBODY));
        }
    }

    /// Once the server is about to restart, a socket ends with its last open document.
    fn end_if_drained(&self) -> Flow {
        if self.draining && self.open_documents().next().is_none() {
            return Flow::Close(close::RESTART, "the server restarts");
        }
        Flow::Continue
    }
}

/// What is kept while it is looked at is short (H1, H3).
fn is_too_long(address: Address<'_>, message: &Message<'_>) -> bool {
    let token = if let Message::Token { token, .. } = message { token.len() } else { 0 };
    address.as_str().len() > ADDRESS_BYTES_MAX || token > TOKEN_BYTES_MAX
}

/// Waits for the deadline, if there is one, and for ever otherwise.
async fn passed(deadline: &mut Option<Pin<Box<Sleep>>>) {
    match deadline {
        Some(deadline) => deadline.await,
        None => std::future::pending().await,
    }
}

impl Dialect for Connection {
    const NAME: &'static str = "hocuspocus";

    async fn text(&mut self, _: &str) -> Flow {
        Flow::Close(close::MALFORMED, "this protocol has no text frames")
    }

    async fn binary(&mut self, frame: Bytes) -> Flow {
        if self.whose.is_none() {
            self.unauthenticated_frames += 1;
            if self.unauthenticated_frames > self.shared.limits.unauthenticated_frames {
                return self.too_much_came();
            }
        }
        let flow = self.take(&frame);
        self.run_errands().await;
        if flow == Flow::Continue { self.end_if_drained() } else { flow }
    }

    async fn progress(&mut self) -> Flow {
        self.run_errands().await;
        let flow = tokio::select! {
            Some(done) = self.under_way.next() => self.done(done),
            () = self.access_check.run() => Flow::Continue,
            () = passed(&mut self.deadline) => {
                self.shared.reached.count(Limit::AuthenticationTime);
                Flow::Close(close::AUTHENTICATION_TIMEOUT, "no document was opened in time")
            }
            _ = self.look_after.tick() => {
                self.look_after_documents();
                Flow::Continue
            }
        };
        if flow == Flow::Continue { self.end_if_drained() } else { flow }
    }

    fn ended(&mut self, channel: ChannelKey, reason: EndReason) -> Flow {
        let ended = self.documents.values().find(|document| document.voice.key == channel);
        let Some(voice) = ended.map(|document| document.voice.clone()) else { return self.end_if_drained() };
        let address = Address::new(&voice.address);
        match reason {
            EndReason::AccessEnded => {
                voice.say(Message::PermissionDenied(Denial::PermissionDenied.as_str()));
                self.end(address, Denial::PermissionDenied.as_str());
                self.end_if_drained()
            }
            EndReason::Shutdown => {
                self.forget(address);
                self.end_if_drained()
            }
            // A provider opens a document anew only when it reconnects.
            EndReason::Unavailable => Flow::Close(close::TRY_LATER, "a document must be opened anew"),
            EndReason::Unsavable => Flow::Close(close::TRY_LATER, "an edit cannot be saved and was taken out"),
            EndReason::Behind => SAVING_IS_BEHIND,
        }
    }

    fn drained(&mut self, channel: ChannelKey) {
        match self.documents.values_mut().find(|document| document.voice.key == channel) {
            Some(Document { state: State::Open(open), .. }) => open.session.drained(),
            Some(opening) => opening.meanwhile.drained = true,
            None => {}
        }
    }

    fn acts_for(&self, user: UserId) -> bool {
        let mut open = self.open_documents();
        !self.under_way.is_empty() || open.any(|(_, open)| open.authority.principal.user == Some(user))
    }

    fn check_access(&mut self) {
        for document in self.documents.values_mut() {
            document.meanwhile.access_changed = matches!(document.state, State::Opening(_));
        }
        let sessions = self.open_documents().map(|(_, open)| open.attached()).collect();
        self.access_check.start(&self.shared, sessions);
    }

    fn draining(&mut self) -> Flow {
        self.draining = true;
        self.end_if_drained()
    }

    fn whose(&self) -> Option<Whom> {
        self.whose
    }

    fn authorized_until(&self) -> DateTime<Utc> {
        self.open_documents().map(|(_, open)| open.authority.until).min().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn expiring(&mut self) {
        let soon = self.shared.clock.now() + RENEWED_TOGETHER;
        for (voice, _) in self.open_documents().filter(|(_, open)| open.authority.until <= soon) {
            voice.say(Message::TokenRequest);
        }
    }
}
