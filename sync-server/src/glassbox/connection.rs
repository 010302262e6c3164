//! One socket of our own dialect: its channels and what its client asks.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use documents::delivery::EndReason;
use documents::room::{Activity, Mode, Receipts, UpdateKind};
use documents::{AttachError, Newcomer, Session};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use platform::auth::{Principal, PrincipalKind};
use platform::db::locks::Waiting;
use platform::events::EventListener;
use platform::ingress::ClientAddress;
use platform::limits::Limit;
use platform::rate_limiter::Whom;
use schema::ids::{DocumentName, Epoch, UserId};
use uuid::Uuid;
use web_protocol::control::{
    Action, Cause, Channel as ChannelName, Envelope, Identity, LockAcquire, LockRelease, Presence, Reply, Request,
    RequestError, Step, Subscribe, Token, WelcomeLimits,
};
use web_protocol::frame::{Body, Frame};
use web_protocol::{PROTOCOL_VERSION, awareness, close};

use super::channel::{Capabilities, ChannelSink};
use super::events::{ChannelEvents, EventChannels, ListenError, Progress, Topic, encoding_of, interest_in};
use super::locks::{self, Wish};
use crate::access_check::{AccessCheck, Attached};
use crate::meanwhile::Meanwhile;
use crate::outbox::{ChannelKey, Outbox};
use crate::principals::{Place, What, whom};
use crate::server::{Authority, Shared};
use crate::socket::{Dialect, Flow};
use crate::upgrade;
use crate::websocket::text;
use crate::y_websocket::{AWARENESS_ENTRIES, state_of};

/// When clients of a restarting server should come back.
const RECONNECT_AFTER_MS: u64 = 500;

/// What is done beside the socket's loop: opening a channel, or something that says itself how it went.
type Errand = Pin<Box<dyn Future<Output = Option<Opened>> + Send>>;

/// A subscription that came to an end, good or bad.
struct Opened {
    key: ChannelKey,
    result: Result<(Session, Option<EventListener>), OpenError>,
}

enum OpenError {
    NotFound,
    Unavailable,
    EpochMismatch(Epoch),
}

/// A channel of the socket; without a session while it is being opened.
struct Channel {
    sink: Arc<ChannelSink>,
    session: Option<Arc<Session>>,
    /// What is told of the document, to somebody who watches it.
    events: Option<Arc<ChannelEvents>>,
    listener: Option<EventListener>,
    meanwhile: Meanwhile,
    _place: Place,
}

impl Channel {
    fn attached(&self, principal: &Arc<Principal>) -> Option<Attached> {
        let session = Arc::downgrade(self.session.as_ref()?);
        Some(Attached { principal: Arc::clone(principal), name: self.sink.name.clone(), session })
    }

    fn has_number(&self, number: u64) -> bool {
        self.sink.sync.is_some() && self.sink.number.load(Ordering::Acquire) == number
    }
}

/// One socket.
pub(super) struct Connection {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    authority: Authority,
    address: ClientAddress,
    channels: HashMap<ChannelKey, Channel>,
    errands: FuturesUnordered<Errand>,
    event_channels: EventChannels,
    access_check: AccessCheck,
    next_key: u64,
    draining: bool,
}

impl Connection {
    /// Greets the client (G3).
    pub(super) fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, authority: Authority, address: ClientAddress) -> Self {
        let principal = &authority.principal;
        let kind = if principal.kind == PrincipalKind::Agent { "agent" } else { "human" };
        let limits = &shared.limits;
        let welcome = Reply::Welcome {
            protocol: PROTOCOL_VERSION,
            server: concat!("glassbox/", env!("CARGO_PKG_VERSION")).to_owned(),
            principal: Identity {
                id: principal.id.to_string(),
                name: principal.name.clone(),
                kind,
                color: principal.color().to_string(),
            },
            authorized_until: rfc3339(authority.until),
            heartbeat_seconds: limits.heartbeat_seconds,
            limits: WelcomeLimits {
                frame_bytes: limits.frame_bytes,
                update_bytes: limits.update_bytes,
                channels: limits.channels_per_socket,
            },
        };
        outbox.push_frame(text(welcome.encode(None)));
        let (channels, errands) = (HashMap::new(), FuturesUnordered::new());
        Self {
            shared,
            outbox,
            authority,
            address,
            channels,
            errands,
            event_channels: EventChannels::default(),
            access_check: AccessCheck::default(),
            next_key: 0,
            draining: false,
        }
    }

    fn reply(&self, reply: &Reply, request_id: Option<&str>) {
        self.outbox.push_frame(text(reply.encode(request_id)));
    }

    fn error(&self, code: &'static str, message: &str, channel: Option<String>, request_id: Option<&str>) {
        let cause = Cause { code, message: message.to_owned(), retry: code == "DOCUMENT_UNAVAILABLE" };
        self.reply(&Reply::Error { channel, epoch: None, lock: None, cause }, request_id);
    }

    fn find(&self, name: &DocumentName) -> Option<ChannelKey> {
        self.channels.iter().find(|(_, channel)| channel.sink.name == *name).map(|(key, _)| *key)
    }

    fn subscribe(&mut self, subscribe: Subscribe, request_id: Option<String>) {
        let id = request_id.as_deref();
        let topic = Topic::of_channel(&subscribe.channel);
        let name = subscribe.channel.parse::<DocumentName>();
        if topic.is_none() && name.is_err() {
            return self.error("INVALID_CHANNEL", "this is not a channel's name", Some(subscribe.channel), id);
        }
        let is_subscribed = match &name {
            Ok(name) => self.find(name).is_some(),
            Err(_) => self.event_channels.has(&subscribe.channel),
        };
        if is_subscribed {
            let text = "this socket is subscribed to the channel already";
            return self.error("ALREADY_SUBSCRIBED", text, Some(subscribe.channel), id);
        }
        // What was left while it was being opened is being opened still.
        let channels = self.channels.len().max(self.errands.len()) + self.event_channels.len();
        if channels >= self.shared.limits.channels_per_socket {
            self.shared.reached.count(Limit::ChannelsOfSocket);
            let text = "the socket has as many channels as it may have; unsubscribe from one first";
            return self.error("TOO_MANY_CHANNELS", text, Some(subscribe.channel), id);
        }
        let place = self.shared.principals.place(&self.authority.principal, self.address, What::Document);
        let Some(place) = place else {
            let text = "you have as many documents open as you may have; unsubscribe from one first, on any socket";
            return self.error("TOO_MANY_CHANNELS", text, Some(subscribe.channel), id);
        };
        match (topic, name) {
            (Some(topic), _) => self.listen(topic, subscribe.channel, request_id, place),
            (None, Ok(name)) => self.attach(name, subscribe, request_id, place),
            (None, Err(_)) => {}
        }
    }

    fn next_key(&mut self) -> ChannelKey {
        let key = ChannelKey(self.next_key);
        self.next_key += 1;
        key
    }

    /// Opens a channel that carries nothing but events.
    fn listen(&mut self, topic: Topic, channel: String, request_id: Option<String>, place: Place) {
        let encoding = encoding_of(&topic, true);
        let sink = ChannelEvents::new(self.next_key(), channel, encoding, Arc::clone(&self.outbox));
        self.event_channels.subscribe(&self.shared, &self.authority.principal, topic, sink, request_id, place);
    }

    /// Opens the channel of a document.
    fn attach(&mut self, name: DocumentName, subscribe: Subscribe, request_id: Option<String>, place: Place) {
        let key = self.next_key();
        let watches = subscribe.sync.is_none() && subscribe.events != Some(false) && interest_in(&name).is_some();
        let events = watches.then(|| {
            let encoding = encoding_of(&Topic::Document(name.clone()), false);
            ChannelEvents::new(self.next_key(), subscribe.channel, encoding, Arc::clone(&self.outbox))
        });
        let replica_epoch = subscribe.sync.as_ref().and_then(|sync| sync.epoch).map(Epoch::new);
        let sink = Arc::new(ChannelSink {
            key,
            name,
            outbox: Arc::clone(&self.outbox),
            sync: subscribe.sync.map(|sync| Capabilities::agree(&sync.capabilities)),
            request_id,
            number: AtomicU64::new(0),
            left: AtomicBool::new(false),
        });
        let (shared, authority) = (Arc::clone(&self.shared), self.authority.clone());
        let opening = open_channel(shared, authority, Arc::clone(&sink), events.clone(), replica_epoch);
        self.errands.push(Box::pin(async move { Some(Opened { key, result: opening.await }) }));
        let meanwhile = Meanwhile::default();
        self.channels.insert(key, Channel { sink, session: None, events, listener: None, meanwhile, _place: place });
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { key, result } = opened;
        // A channel that was left meanwhile drops its session here.
        let Some(channel) = self.channels.get_mut(&key) else { return };
        let error = match result {
            Ok((session, listener)) => {
                channel.session = Some(Arc::new(session));
                channel.listener = listener;
                if let Some(attached) = channel.attached(&self.authority.principal) {
                    channel.meanwhile.make_up(&self.shared, &mut self.access_check, attached);
                }
                if let Some(events) = &channel.events {
                    events.open();
                }
                return;
            }
            Err(error) => error,
        };
        let sink = Arc::clone(&channel.sink);
        self.channels.remove(&key);
        let (code, message, epoch) = match error {
            OpenError::NotFound => ("NOT_FOUND", "no such document, or no access to it", None),
            OpenError::Unavailable => ("DOCUMENT_UNAVAILABLE", "the document cannot be opened now; try again", None),
            OpenError::EpochMismatch(current) => {
                let text = "the document's history was replaced; set the replica aside and subscribe with an empty one";
                ("EPOCH_MISMATCH", text, Some(current.get()))
            }
        };
        let cause = Cause { code, message: message.to_owned(), retry: code == "DOCUMENT_UNAVAILABLE" };
        let error = Reply::Error { channel: Some(sink.name.to_string()), epoch, lock: None, cause };
        self.reply(&error, sink.request_id.as_deref());
    }

    fn unsubscribe(&mut self, ChannelName { channel }: ChannelName, request_id: Option<&str>) {
        if self.event_channels.unsubscribe(&channel) {
            return self.reply(&Reply::Unsubscribed { channel, cause: None }, request_id);
        }
        let key = channel.parse().ok().and_then(|name| self.find(&name));
        match key.and_then(|key| self.channels.remove(&key)) {
            Some(left) => {
                left.sink.left.store(true, Ordering::Release);
                self.outbox.abandon(left.sink.key);
                self.reply(&Reply::Unsubscribed { channel, cause: None }, request_id);
            }
            None => self.error("NOT_SUBSCRIBED", "the socket is not subscribed to this", Some(channel), request_id),
        }
    }

    async fn presence(&mut self, presence: Presence, request_id: Option<&str>) {
        let name = format!("node:{}", presence.node_id);
        let key = name.parse().ok().and_then(|name| self.find(&name));
        let session = key.and_then(|key| self.channels.get(&key)?.session.as_ref());
        let Some(session) = session else {
            return self.error("NOT_SUBSCRIBED", "subscribe to the node first", Some(name), request_id);
        };
        let activity = match presence.action {
            Action::Viewing => Activity::Viewing,
            Action::Editing => Activity::Editing,
            Action::Idle => Activity::Idle,
        };
        // A room that is over has said so.
        let _ = session.presence(activity).await;
    }

    /// Changes a node's lock, beside the socket's loop. The client must be in the node: it loses the lock when it leaves.
    fn lock(&mut self, node_id: &str, wish: Wish, request_id: Option<String>) {
        let name = format!("node:{node_id}");
        let key = name.parse().ok().and_then(|name| self.find(&name));
        let channel = key.and_then(|key| self.channels.get(&key)).filter(|channel| channel.session.is_some());
        let Some(node) = channel.map(|channel| channel.sink.name.clone()) else {
            return self.error("NOT_SUBSCRIBED", "subscribe to the node first", Some(name), request_id.as_deref());
        };
        if self.errands.len() >= self.shared.limits.channels_per_socket {
            let text = "too much that was asked for is under way; wait for the answers";
            return self.error("TOO_MANY_CHANNELS", text, Some(name), request_id.as_deref());
        }
        let (shared, principal) = (Arc::clone(&self.shared), Arc::clone(&self.authority.principal));
        let outbox = Arc::clone(&self.outbox);
        self.errands.push(Box::pin(async move {
            let reply = locks::carry_out(shared, principal, node, wish).await;
            outbox.push_frame(text(reply.encode(request_id.as_deref())));
            None
        }));
    }

    async fn renew(&mut self, Token { token }: Token, request_id: Option<&str>) {
        match upgrade::authority(&self.shared, Some(&token)).await {
            Ok(new) if !is_the_same(&new.principal, &self.authority.principal) => {
                let text = "the token is somebody else's; open a socket of its own for them";
                self.error("PRINCIPAL_MISMATCH", text, None, request_id);
            }
            Ok(new) => {
                self.authority = new;
                let authorized_until = rfc3339(self.authority.until);
                self.reply(&Reply::TokenAccepted { authorized_until }, request_id);
                self.check_access();
            }
            Err((_, reason)) => self.error("INVALID_TOKEN", reason, None, request_id),
        }
    }

    /// Notes which event of its run's trace an agent works at (G33).
    async fn step(&mut self, Step { channel, trace_event }: Step, request_id: Option<&str>) {
        if self.authority.principal.kind != PrincipalKind::Agent {
            return self.error("INVALID_MESSAGE", "only runs of agents have steps", Some(channel), request_id);
        }
        let Ok(trace_event) = trace_event.map(|id| id.parse::<Uuid>()).transpose() else {
            return self.error("INVALID_MESSAGE", "payload: traceEvent is no uuid", Some(channel), request_id);
        };
        let key = self.channel_of(|it| it.sink.name.to_string() == channel && it.sink.sync.is_some()).await;
        let Some(session) = key.and_then(|key| self.channels.get(&key)?.session.as_ref()) else {
            return self.error("NOT_SUBSCRIBED", "subscribe to the document first", Some(channel), request_id);
        };
        // A room that is over has ended the channel through its sink.
        let _ = session.step(trace_event).await;
    }

    /// The channel that is meant. Its client may be faster than the end of its opening, which is waited for.
    async fn channel_of(&mut self, is_meant: impl Fn(&Channel) -> bool) -> Option<ChannelKey> {
        loop {
            let (key, channel) = self.channels.iter().find(|(_, channel)| is_meant(channel))?;
            if channel.session.is_some() {
                return Some(*key);
            }
            if let Some(opened) = self.errands.next().await? {
                self.opened(opened);
            }
        }
    }

    /// Once the server is about to restart, a socket ends with its last channel (G20).
    fn end_if_drained(&self) -> Flow {
        if self.draining && self.channels.is_empty() {
            return Flow::Close(close::RESTART, "the server restarts");
        }
        Flow::Continue
    }

    /// Tells what became of a channel of events.
    fn event_channel(&mut self, progress: Progress) {
        match progress {
            Progress::Opened { channel, request_id } => {
                let reply = Reply::Subscribed { channel: channel.clone(), access: "read", sync: None };
                self.reply(&reply, request_id.as_deref());
                self.event_channels.opened(&self.shared, &self.authority.principal, &channel);
            }
            Progress::Refused { channel, request_id, error } => {
                let (code, text) = match error {
                    ListenError::NotFound => ("NOT_FOUND", "no such document, or no access to it"),
                    ListenError::Unavailable => ("DOCUMENT_UNAVAILABLE", "events cannot be read now; try again"),
                };
                self.error(code, text, Some(channel), request_id.as_deref());
            }
            Progress::Ended { channel } => {
                let message = "your access to these events has ended".to_owned();
                let cause = Cause { code: "ACCESS_ENDED", message, retry: false };
                self.reply(&Reply::Unsubscribed { channel, cause: Some(cause) }, None);
            }
            Progress::Nothing => {}
        }
    }

    /// Answers a frame that cannot be decoded (G16).
    fn malformed(&self, what: &'static str) -> Flow {
        self.error("MALFORMED_FRAME", what, None, None);
        Flow::Close(close::MALFORMED, what)
    }

    async fn take_frame(&mut self, bytes: &Bytes) -> Flow {
        let Ok(frame) = Frame::decode(bytes) else { return self.malformed("a binary frame cannot be decoded") };
        let key = self.channel_of(|channel| channel.has_number(frame.number)).await;
        let Some(session) = key.and_then(|key| self.channels.get(&key)?.session.as_ref()) else {
            self.error("UNKNOWN_CHANNEL", "no channel of this socket has that number", None, None);
            return Flow::Continue;
        };
        let taken = match frame.body {
            Body::Step1(state_vector) => session.step_1(bytes.slice_ref(state_vector)).await,
            Body::Step2(update) => session.update(UpdateKind::Step2, bytes.slice_ref(update)).await,
            Body::Update(update) => session.update(UpdateKind::Live, bytes.slice_ref(update)).await,
            Body::Awareness(states) => match awareness::decode(states, AWARENESS_ENTRIES) {
                Ok(entries) => session.awareness(entries.into_iter().map(state_of).collect()).await,
                Err(_) => return self.malformed("an awareness update cannot be decoded"),
            },
            Body::Receipt { .. } => return self.malformed("receipts are the server's to send"),
            Body::Piece(_) => return self.malformed("pieces are the server's to send"),
        };
        // A room that is over has ended the channel through its sink.
        let _ = taken;
        Flow::Continue
    }
}

/// Finds the document, decides access and attaches.
async fn open_channel(
    shared: Arc<Shared>,
    authority: Authority,
    sink: Arc<ChannelSink>,
    events: Option<Arc<ChannelEvents>>,
    replica_epoch: Option<Epoch>,
) -> Result<(Session, Option<EventListener>), OpenError> {
    let granted = shared.access_once_known(&authority.principal, &sink.name).await;
    let granted = granted.map_err(|_| OpenError::Unavailable)?;
    let granted = granted.ok_or(OpenError::NotFound)?;
    // Before the client is told that the channel is open: it hears of all that happens from then on.
    let listener = match (events, interest_in(&sink.name)) {
        (Some(events), Some(interest)) => {
            let listener = shared.events.listen(granted.document.org, interest, events).await;
            Some(listener.map_err(|_| OpenError::Unavailable)?)
        }
        _ => None,
    };
    let mode = match sink.sync {
        Some(Capabilities { receipts: true, .. }) => Mode::Sync { receipts: Receipts::Sent },
        Some(_) => Mode::Sync { receipts: Receipts::Unknown },
        None => Mode::Watch,
    };
    let newcomer = Newcomer { principal: authority.principal, access: granted.access, mode, replica_epoch, sink };
    match shared.documents.attach(&granted.document, newcomer).await {
        Ok(session) => Ok((session, listener)),
        Err(AttachError::Unavailable) => Err(OpenError::Unavailable),
        Err(AttachError::EpochMismatch { current }) => Err(OpenError::EpochMismatch(current)),
    }
}

impl Dialect for Connection {
    const NAME: &'static str = "glassbox";

    async fn text(&mut self, text: &str) -> Flow {
        let Envelope { request, request_id } = match Envelope::decode(text) {
            Ok(envelope) => envelope,
            Err(RequestError::Invalid { message, request_id }) => {
                self.error("INVALID_MESSAGE", &message, None, request_id.as_deref());
                return Flow::Continue;
            }
            Err(error @ RequestError::UnknownType { .. }) => {
                let text = error.to_string();
                let RequestError::UnknownType { request_id, .. } = error else { return Flow::Continue };
                self.error("UNKNOWN_TYPE", &text, None, request_id.as_deref());
                return Flow::Continue;
            }
        };
        let id = request_id.as_deref();
        match request {
            Request::Subscribe(subscribe) => self.subscribe(subscribe, request_id),
            Request::Unsubscribe(channel) => self.unsubscribe(channel, id),
            Request::Presence(presence) => self.presence(presence, id).await,
            Request::LockAcquire(LockAcquire { node_id, notify }) => {
                let waiting = if notify { Waiting::Told } else { Waiting::NotTold };
                self.lock(&node_id, Wish::Take(waiting), request_id);
            }
            Request::LockRelease(LockRelease { node_id }) => self.lock(&node_id, Wish::Release, request_id),
            Request::Step(step) => self.step(step, id).await,
            Request::Token(token) => self.renew(token, id).await,
        }
        self.end_if_drained()
    }

    async fn binary(&mut self, frame: Bytes) -> Flow {
        self.take_frame(&frame).await
    }

    async fn progress(&mut self) -> Flow {
        tokio::select! {
            Some(done) = self.errands.next() => {
                if let Some(opened) = done {
                    self.opened(opened);
                }
            }
            progress = self.event_channels.next() => self.event_channel(progress),
            () = self.access_check.run() => {}
        }
        self.end_if_drained()
    }

    fn ended(&mut self, channel: ChannelKey, _: EndReason) -> Flow {
        self.channels.remove(&channel);
        self.end_if_drained()
    }

    fn drained(&mut self, channel: ChannelKey) {
        match self.channels.get_mut(&channel) {
            Some(Channel { session: Some(session), .. }) => session.drained(),
            Some(opening) => opening.meanwhile.drained = true,
            None => {}
        }
        self.event_channels.drained(channel);
        let watched = self.channels.values().filter_map(|channel| channel.events.as_ref());
        for events in watched.filter(|events| events.has_key(channel)) {
            events.drained();
        }
    }

    fn acts_for(&self, user: UserId) -> bool {
        self.authority.principal.user == Some(user)
    }

    fn check_access(&mut self) {
        let principal = &self.authority.principal;
        for opening in self.channels.values_mut().filter(|channel| channel.session.is_none()) {
            opening.meanwhile.access_changed = true;
        }
        let sessions = self.channels.values().filter_map(|channel| channel.attached(principal)).collect();
        self.access_check.start(&self.shared, sessions);
        self.event_channels.check_access(&self.shared, &self.authority.principal);
    }

    fn draining(&mut self) -> Flow {
        self.draining = true;
        self.reply(&Reply::Restarting { reconnect_after_ms: RECONNECT_AFTER_MS }, None);
        self.end_if_drained()
    }

    fn whose(&self) -> Option<Whom> {
        Some(whom(&self.authority.principal, self.address))
    }

    fn authorized_until(&self) -> DateTime<Utc> {
        self.authority.until
    }

    fn expiring(&mut self) {
        let authorized_until = rfc3339(self.authority.until);
        self.reply(&Reply::TokenExpiring { authorized_until }, None);
    }
}

/// Whether one may go on in place of the other. A worker that takes a run anew opens a socket of its own.
fn is_the_same(one: &Principal, other: &Principal) -> bool {
    one.reference() == other.reference() && one.lease == other.lease
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
