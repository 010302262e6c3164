//! From a document's log to its room.
//!
//! To build a large document takes long and is done on a thread of its own. Meanwhile, who comes with nothing is served
//! from the bytes of the last snapshot: that is what the answer would hold anyway, and nobody waits for the document to
//! be taken apart only to be put together again.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::db::documents::DocumentRef;
use platform::db::log::{self, Relay, StoredDocument};
use platform::queue::Receiver;
use schema::ids::Epoch;
use schema::repair::Shape;
use tokio::time::{Instant, timeout_at};

use crate::compaction::Compaction;
use crate::delivery::{Content, Delivery, EndReason, Outgoing};
use crate::error::{AttachError, LoadError};
use crate::listeners::Listeners;
use crate::metrics::seconds_of;
use crate::owner::Message;
use crate::projection::Projection;
use crate::replica::state_vector;
use crate::room::{Attach, Input, Mode, Room, SessionId, Stored};
use crate::services::Services;

/// A document whose log is shorter is built where it is asked for: that takes a few milliseconds.
const BUILT_AT_ONCE_BYTES: usize = 32 * 1024;
/// Messages that wait for a document to be built, at most; more stay with those who send them.
const WAITING_MESSAGES: usize = 2_048;
/// The bytes of updates among them, likewise.
const WAITING_BYTES: usize = 1024 * 1024;

/// More updates than this after the snapshot are told by the document that is built from them, as one: each is a frame to
/// everybody who comes.
const RELAYED_UPDATES_MAX: usize = 256;
/// A document from which newcomers can be answered is built once nobody new has said anything for so long,
const ANSWERING_PAUSE: Duration = Duration::from_millis(5);
/// and at the latest after this time.
const ANSWERING_MAX: Duration = Duration::from_millis(50);

/// A document that is open, and those who are attached to it.
pub(crate) struct Opened {
    pub(crate) room: Room,
    pub(crate) listeners: Listeners,
    pub(crate) compaction: Compaction,
    pub(crate) projection: Projection,
}

/// Reads a document's log and builds its room. Returns what those who came meanwhile have said, too: each attaches
/// before it says anything else. If it fails, they are told.
pub(crate) async fn open(
    services: &Arc<Services>,
    document: DocumentRef,
    messages: &mut Receiver<Message>,
) -> Result<(Opened, Vec<Message>), LoadError> {
    let started_ms = services.clock.monotonic_ms();
    let stored = log::load(&services.db, document.org, document.id).await?.ok_or(LoadError::Gone)?;
    let compaction = Compaction::new(&stored, &services.limits);
    let mut projection = Projection::new(document.kind);
    if stored.projected < stored.head {
        projection.request(services.clock.monotonic_ms());
    }
    let mut antechamber = Antechamber::new(services, stored, Shape::of(document.kind));
    match antechamber.build(messages).await {
        Ok(mut room) => {
            services.metrics.load_seconds.observe(seconds_of(services.clock.monotonic_ms() - started_ms));
            room.bar(services.barred.of(document.id));
            let Antechamber { listeners, attached, waiting, first_answer, .. } = antechamber;
            if let Some(content) = first_answer.into_inner().flatten().and_then(FirstAnswer::into_first_content) {
                room.share_state(content);
            }
            let attached = attached.into_iter().map(|attach| Message::Input(Input::Attach(attach)));
            Ok((Opened { room, listeners, compaction, projection }, attached.chain(waiting).collect()))
        }
        Err(error) => {
            antechamber.listeners.end(EndReason::Unavailable);
            Err(error)
        }
    }
}

/// Where those wait who come before the document is built.
struct Antechamber {
    services: Arc<Services>,
    stored: Stored,
    shape: Option<Shape>,
    listeners: Listeners,
    attached: Vec<Attach>,
    waiting: Vec<Message>,
    waiting_bytes: usize,
    /// Whether the updates after the snapshot are passed on as they are.
    relays_tail: bool,
    /// What those are told who come with nothing. Made when it is needed.
    first_answer: OnceCell<Option<FirstAnswer>>,
}

/// What can be said of a document before it is built.
struct FirstAnswer {
    /// Encoded once for all.
    deliveries: Vec<Delivery>,
    /// The state vector of what it holds, if that is not all.
    unfinished: Option<Bytes>,
}

impl FirstAnswer {
    /// What comes first: the snapshot, if there is one.
    fn into_first_content(self) -> Option<Content> {
        match self.deliveries.into_iter().next()?.message {
            Outgoing::Part(content) | Outgoing::Step2(content) => Some(content),
            _ => None,
        }
    }
}

impl Antechamber {
    fn new(services: &Arc<Services>, stored: StoredDocument, shape: Option<Shape>) -> Self {
        let relays_tail = stored.tail.len() <= RELAYED_UPDATES_MAX
            && stored.tail.iter().all(|update| update.relay == Relay::AsStored);
        let listeners = Listeners::new(services);
        let services = Arc::clone(services);
        Self {
            services,
            stored: stored.into(),
            shape,
            listeners,
            attached: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            relays_tail,
            first_answer: OnceCell::new(),
        }
    }

    async fn build(&mut self, messages: &mut Receiver<Message>) -> Result<Room, LoadError> {
        let build_room = {
            let (stored, services) = (self.stored.clone(), Arc::clone(&self.services));
            let (limits, budget, shape) = (Arc::clone(&services.limits), services.budget.clone(), self.shape);
            move || {
                let room = Room::open(stored, limits, budget, services.random.clone());
                room.map(|room| room.with_shape(shape))
            }
        };
        if self.stored.parts().map(Bytes::len).sum::<usize>() < BUILT_AT_ONCE_BYTES {
            return Ok(build_room()?);
        }
        if self.relays_tail {
            self.answer_first(messages).await;
        }
        let mut building = tokio::task::spawn_blocking(build_room);
        let shutdown = self.services.lifecycle.shutdown_token();
        loop {
            let has_room = self.has_room();
            tokio::select! {
                built = &mut building => return Ok(built.map_err(|_| LoadError::Aborted)??),
                Some(message) = messages.recv(), if has_room => self.receive(message),
                () = shutdown.cancelled() => return Err(LoadError::Aborted),
            }
            self.listeners.flush();
        }
    }

    /// Answers those who come at the same moment, who need nothing else, before building takes the processor from that.
    async fn answer_first(&mut self, messages: &mut Receiver<Message>) {
        let end = Instant::now() + ANSWERING_MAX;
        while self.has_room() {
            let next = end.min(Instant::now() + ANSWERING_PAUSE);
            let Ok(Some(message)) = timeout_at(next, messages.recv()).await else { return };
            self.receive(message);
            self.listeners.flush();
        }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MESSAGES && self.waiting_bytes < WAITING_BYTES
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Attach { attach, replica_epoch, sink, reply } => {
                let Stored { epoch, head, .. } = self.stored;
                let result = check_epoch(replica_epoch, epoch);
                if result.is_ok() {
                    let hello = Outgoing::Attached { access: attach.access, epoch, seq: head };
                    self.listeners.add(attach.session, sink, attach.mode, hello);
                    self.attached.push(attach);
                }
                // A caller that is gone has dropped its session, which detaches it.
                let _ = reply.send(result);
            }
            Message::Input(Input::Step1(session, state_vector)) => {
                let rest = self.answer(session, state_vector);
                self.waiting.extend(rest.map(|rest| Message::Input(Input::Step1(session, rest))));
            }
            message => {
                match &message {
                    Message::Input(Input::Detach(session)) => self.listeners.remove(*session),
                    Message::Input(Input::Update(_, _, update)) => self.waiting_bytes += update.len(),
                    _ => {}
                }
                self.waiting.push(message);
            }
        }
    }

    /// Answers a step 1 from what is stored, if the client has nothing. Returns the state vector that is still to be
    /// answered when the document is built.
    fn answer(&mut self, session: SessionId, state_vector: Bytes) -> Option<Bytes> {
        let syncs = self.attached.iter().any(|it| it.session == session && matches!(it.mode, Mode::Sync { .. }));
        if !syncs || !state_vector::lacks_everything(&state_vector) {
            return Some(state_vector);
        }
        let make = || first_answer(&self.services, &self.listeners, &self.stored, self.relays_tail);
        let Some(FirstAnswer { deliveries, unfinished }) = self.first_answer.get_or_init(make) else {
            return Some(state_vector);
        };
        for delivery in deliveries {
            self.listeners.tell(session, delivery);
        }
        unfinished.clone()
    }
}

/// `None` when it takes a look at the document to say anything. A snapshot that is no update, or not a whole one, is told
/// to nobody: the building will fail.
fn first_answer(services: &Services, listeners: &Listeners, stored: &Stored, relays_tail: bool) -> Option<FirstAnswer> {
    let known = |snapshot| services.work_long(|| state_vector::of(snapshot));
    let unfinished = match (&stored.snapshot, relays_tail) {
        (None, false) => return None,
        (None, true) => None,
        (Some(snapshot), true) => known(snapshot).map(|_| None)?,
        (Some(snapshot), false) => Some(known(snapshot)?),
    };
    let part = |bytes: Bytes| Outgoing::Part(bytes.into());
    let mut messages: Vec<Outgoing> = match unfinished {
        Some(_) => stored.snapshot.iter().cloned().map(part).collect(),
        None => stored.parts().cloned().map(part).collect(),
    };
    if unfinished.is_none()
        && let Some(Outgoing::Part(last)) = messages.pop()
    {
        messages.push(Outgoing::Step2(last));
    }
    let deliveries = messages.into_iter().map(|message| listeners.delivery(message)).collect();
    Some(FirstAnswer { deliveries, unfinished })
}

/// A replica of another lineage must not be merged.
pub(crate) fn check_epoch(replica: Option<Epoch>, current: Epoch) -> Result<(), AttachError> {
    if replica.is_some_and(|theirs| theirs != current) { Err(AttachError::EpochMismatch { current }) } else { Ok(()) }
}
