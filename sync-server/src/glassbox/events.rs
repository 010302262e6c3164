//! The channels of a socket on which events are told (SPEC G29–G31).

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use documents::delivery::{Taken, Wire};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use platform::auth::{Principal, PrincipalKind};
use platform::db::events::{Encoding, Event};
use platform::db::organizations;
use platform::events::{EventListener, EventSink, Interest};
use schema::ids::{DocumentName, OrgId};
use web_protocol::control::{EventMessage, Reply};

use crate::outbox::{ChannelKey, Outbox, Priority};
use crate::principals::Place;
use crate::server::Shared;
use crate::websocket::{text, text_of};

/// Events that wait until a channel is open, at most.
const EVENTS_WAITING: usize = 256;

/// What a channel tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// A project or node.
    Document(DocumentName),
    /// What is for the socket's own person alone.
    User,
}

impl Topic {
    /// The topic of a channel that carries nothing but events.
    pub(super) fn of_channel(channel: &str) -> Option<Self> {
        if channel == "user" {
            return Some(Self::User);
        }
        match channel.strip_prefix("events:")?.parse().ok()? {
            name @ (DocumentName::Project(_) | DocumentName::Node(_)) => Some(Self::Document(name)),
            DocumentName::Free(_) | DocumentName::Scratch(_) => None,
        }
    }
}

/// Where the events of one channel go.
pub(super) struct ChannelEvents {
    key: ChannelKey,
    channel: String,
    encoding: Encoding,
    outbox: Arc<Outbox>,
    gate: Mutex<Gate>,
}

enum Gate {
    /// The client does not know yet that the channel is open: what comes waits.
    Closed(Vec<Arc<Event>>),
    Open,
    /// The client reads too slowly: nothing is told until it has read what waits.
    Missed,
}

impl ChannelEvents {
    pub(super) fn new(key: ChannelKey, channel: String, encoding: Encoding, outbox: Arc<Outbox>) -> Arc<Self> {
        Arc::new(Self { key, channel, encoding, outbox, gate: Mutex::new(Gate::Closed(Vec::new())) })
    }

    /// Whether the outbox knows it by this key.
    pub(super) fn has_key(&self, key: ChannelKey) -> bool {
        self.key == key
    }

    /// The channel is open: tells what came meanwhile.
    pub(super) fn open(&self) {
        let mut gate = self.gate();
        if let Gate::Closed(waiting) = std::mem::replace(&mut *gate, Gate::Open) {
            for event in waiting {
                self.tell(&mut gate, &event);
            }
        }
    }

    /// The client has read what waited.
    pub(super) fn drained(&self) {
        let mut gate = self.gate();
        if matches!(*gate, Gate::Missed) {
            *gate = Gate::Open;
            self.resync();
        }
    }

    fn tell(&self, gate: &mut Gate, event: &Arc<Event>) {
        match gate {
            Gate::Closed(waiting) if waiting.len() < EVENTS_WAITING => waiting.push(Arc::clone(event)),
            Gate::Open => {
                let frame = self.encode(event);
                if self.outbox.push(self.key, Priority::Update, &frame) == Taken::Withheld {
                    *gate = Gate::Missed;
                }
            }
            Gate::Closed(_) | Gate::Missed => {}
        }
    }

    fn encode(&self, event: &Event) -> Wire {
        text_of(event.encoded(self.encoding, |event| {
            let message = EventMessage {
                kind: event.kind.as_str(),
                channel: &self.channel,
                event_id: event.id.to_string(),
                organization_id: event.org.to_string(),
                project_id: event.project.map(|id| id.to_string()),
                node_id: event.node.map(|id| id.to_string()),
                actors: &event.actors,
                at: event.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
                payload: &event.payload,
            };
            Bytes::from(message.encode())
        }))
    }

    fn resync(&self) {
        self.outbox.push_frame(text(Reply::Resync { channel: self.channel.clone() }.encode(None)));
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing that runs under the lock can leave the gate half changed.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for ChannelEvents {
    fn deliver(&self, event: &Arc<Event>) {
        self.tell(&mut self.gate(), event);
    }

    fn missed(&self) {
        self.resync();
    }

    fn flush(&self) {
        self.outbox.flush();
    }
}

/// The encoding of a topic's events, on a channel of their own or on that of a document that is watched.
pub(super) const fn encoding_of(topic: &Topic, is_own_channel: bool) -> Encoding {
    match (topic, is_own_channel) {
        (Topic::User, _) => Encoding::UserChannel,
        (Topic::Document(DocumentName::Node(_)), true) => Encoding::NodeEvents,
        (Topic::Document(DocumentName::Node(_)), false) => Encoding::NodeChannel,
        (Topic::Document(_), true) => Encoding::ProjectEvents,
        (Topic::Document(_), false) => Encoding::ProjectChannel,
    }
}

/// Why events cannot be listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenError {
    NotFound,
    Unavailable,
}

/// Where somebody may listen: the organizations, and listeners in those where there was none.
type Listening = (HashSet<OrgId>, Vec<(OrgId, EventListener)>);

/// Looks up where the principal may listen to a topic, and listens where it does not yet.
async fn listen(
    shared: &Shared,
    principal: &Principal,
    topic: &Topic,
    sink: &Arc<ChannelEvents>,
    already: &HashSet<OrgId>,
) -> Result<Listening, ListenError> {
    let (interest, orgs) = match topic {
        Topic::User => {
            // A key is of one organization, and what is told here is of all.
            let user = principal.user.filter(|_| principal.kind != PrincipalKind::ApiKey);
            let user = user.ok_or(ListenError::NotFound)?;
            let orgs = organizations::ids_of(&shared.db, user).await.map_err(|_| ListenError::Unavailable)?;
            (Interest::User(user), orgs)
        }
        Topic::Document(name) => {
            let granted = if already.is_empty() {
                shared.access_once_known(principal, name).await
            } else {
                shared.access_desk.ask(principal, name).await
            };
            let granted = granted.map_err(|_| ListenError::Unavailable)?;
            let interest = interest_in(name).ok_or(ListenError::NotFound)?;
            (interest, granted.map(|granted| granted.document.org).into_iter().collect())
        }
    };
    let mut new = Vec::new();
    for org in orgs.iter().filter(|org| !already.contains(org)) {
        let listener = shared.events.listen(*org, interest, Arc::clone(sink) as _).await;
        new.push((*org, listener.map_err(|_| ListenError::Unavailable)?));
    }
    Ok((orgs.into_iter().collect(), new))
}

/// What is told of a document; `None` where nothing is.
pub(super) const fn interest_in(name: &DocumentName) -> Option<Interest> {
    match name {
        DocumentName::Project(id) => Some(Interest::Project(*id)),
        DocumentName::Node(id) => Some(Interest::Node(*id)),
        DocumentName::Free(_) | DocumentName::Scratch(_) => None,
    }
}

/// The channels of one socket that carry nothing but events.
#[derive(Default)]
pub(super) struct EventChannels {
    channels: HashMap<ChannelKey, EventChannel>,
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>,
}

struct EventChannel {
    topic: Topic,
    sink: Arc<ChannelEvents>,
    listeners: HashMap<OrgId, EventListener>,
    request_id: Option<String>,
    is_open: bool,
    /// Access may have changed while it was being opened.
    access_changed: bool,
    _place: Place,
}

struct Done {
    key: ChannelKey,
    result: Result<Listening, ListenError>,
}

/// What became of a channel.
pub(super) enum Progress {
    Opened { channel: String, request_id: Option<String> },
    Refused { channel: String, request_id: Option<String>, error: ListenError },
    Ended { channel: String },
    Nothing,
}

impl EventChannels {
    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    pub(super) fn has(&self, channel: &str) -> bool {
        self.channels.values().any(|one| one.sink.channel == channel)
    }

    /// Begins to open a channel.
    pub(super) fn subscribe(
        &mut self,
        shared: &Arc<Shared>,
        principal: &Arc<Principal>,
        topic: Topic,
        sink: Arc<ChannelEvents>,
        request_id: Option<String>,
        place: Place,
    ) {
        let key = sink.key;
        let (listeners, is_open, access_changed) = (HashMap::new(), false, false);
        let channel = EventChannel { topic, sink, listeners, request_id, is_open, access_changed, _place: place };
        self.channels.insert(key, channel);
        self.look_up(shared, principal, key);
    }

    fn look_up(&mut self, shared: &Arc<Shared>, principal: &Arc<Principal>, key: ChannelKey) {
        let Some(channel) = self.channels.get(&key) else { return };
        let (shared, principal) = (Arc::clone(shared), Arc::clone(principal));
        let (topic, sink) = (channel.topic.clone(), Arc::clone(&channel.sink));
        let already: HashSet<OrgId> = channel.listeners.keys().copied().collect();
        self.under_way.push(Box::pin(async move {
            let result = listen(&shared, &principal, &topic, &sink, &already).await;
            Done { key, result }
        }));
    }

    /// Looks up again where the principal may listen.
    pub(super) fn check_access(&mut self, shared: &Arc<Shared>, principal: &Arc<Principal>) {
        for channel in self.channels.values_mut() {
            channel.access_changed = !channel.is_open;
        }
        let open: Vec<ChannelKey> =
            self.channels.iter().filter(|(_, channel)| channel.is_open).map(|(key, _)| *key).collect();
        for key in open {
            self.look_up(shared, principal, key);
        }
    }

    /// Leaves a channel. Returns whether there was one.
    pub(super) fn unsubscribe(&mut self, channel: &str) -> bool {
        let before = self.channels.len();
        self.channels.retain(|_, one| one.sink.channel != channel);
        self.channels.len() < before
    }

    pub(super) fn drained(&self, key: ChannelKey) {
        if let Some(channel) = self.channels.get(&key) {
            channel.sink.drained();
        }
    }

    /// Waits for a look-up to end, for ever when none is under way. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Progress {
        match self.under_way.next().await {
            Some(done) => self.take(done),
            None => std::future::pending().await,
        }
    }

    fn take(&mut self, Done { key, result }: Done) -> Progress {
        // A channel that was left meanwhile drops its listeners here.
        let Some(channel) = self.channels.get_mut(&key) else { return Progress::Nothing };
        let was_open = channel.is_open;
        let error = match result {
            Ok((orgs, _)) if orgs.is_empty() && channel.topic != Topic::User => ListenError::NotFound,
            Ok((orgs, new)) => {
                channel.listeners.retain(|org, _| orgs.contains(org));
                channel.listeners.extend(new);
                channel.is_open = true;
                let (channel, request_id) = (channel.sink.channel.clone(), channel.request_id.take());
                return if was_open { Progress::Nothing } else { Progress::Opened { channel, request_id } };
            }
            // An access that cannot be looked up now stays as it was.
            Err(ListenError::Unavailable) if was_open => return Progress::Nothing,
            Err(error) => error,
        };
        let Some(left) = self.channels.remove(&key) else { return Progress::Nothing };
        let (channel, request_id) = (left.sink.channel.clone(), left.request_id);
        if was_open { Progress::Ended { channel } } else { Progress::Refused { channel, request_id, error } }
    }

    /// What waited for a channel to be open is told.
    pub(super) fn opened(&mut self, shared: &Arc<Shared>, principal: &Arc<Principal>, channel: &str) {
        let Some((key, opened)) = self.channels.iter_mut().find(|(_, one)| one.sink.channel == channel) else { return };
        opened.sink.open();
        if std::mem::take(&mut opened.access_changed) {
            let key = *key;
            self.look_up(shared, principal, key);
        }
    }
}
