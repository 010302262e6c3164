//! The documents that are open on this instance.
//!
//! A document is loaded once, however many ask for it at the same moment: whoever finds no entry makes one and starts
//! its owner, everybody else finds the entry and waits in its inbox. An entry is removed only while nobody holds its
//! handle, under the same lock; the generation keeps an earlier life of a document from removing a later one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::Either;
use platform::access::Access;
use platform::auth::Principal;
use platform::bus::{Bus, BusMessage};
use platform::clock::Clock;
use platform::db::Db;
use platform::db::documents::DocumentRef;
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::{Metrics, Reading};
use platform::queue::{Refused, Sender, UNBOUNDED, queue};
use platform::random::Random;
use schema::ids::{Epoch, RunId, Seq};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::delivery::Sink;
use crate::error::{AttachError, EditFailed, ReadError};
use crate::head_watch;
use crate::history::History;
use crate::left_behind;
use crate::locks;
use crate::metrics::DocumentMetrics;
use crate::owner::{self, Event, EventSender, INBOX_MESSAGES, Inboxes, Life, Message};
use crate::replica::{Change, Patch};
use crate::retention;
use crate::room::{Attach, Edit, Edited, Input, Mode, Room, SessionId, Ticket};
use crate::services::Services;
use crate::session::Session;

/// All open documents of this instance. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    shared: Arc<Shared>,
}

struct Shared {
    services: Arc<Services>,
    rooms: Mutex<HashMap<Uuid, Open>>,
}

struct Open {
    handle: Arc<Handle>,
    generation: u64,
}

/// The way into one open document.
pub(crate) struct Handle {
    pub(crate) messages: Sender<Message>,
    pub(crate) events: EventSender,
}

/// A client that wants to attach.
pub struct Newcomer {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What it may do; decided by [`platform::access`].
    pub access: Access,
    /// What it takes part in.
    pub mode: Mode,
    /// The epoch of its replica, if it has one.
    pub replica_epoch: Option<Epoch>,
    /// Where its messages go.
    pub sink: Arc<dyn Sink>,
}

/// A document's whole state at a place in its log.
#[derive(Debug, Clone)]
pub struct State {
    /// The lineage.
    pub epoch: Epoch,
    /// The log's head; the state may hold updates that are not in it yet.
    pub seq: Seq,
    /// One Yjs update, v1.
    pub update: Bytes,
}

impl Documents {
    /// Starts with no document open. `lifecycle` runs the owners and the log's lanes.
    #[must_use]
    pub fn new(
        db: Db,
        bus: Bus,
        clock: Arc<dyn Clock>,
        random: Random,
        lifecycle: Lifecycle,
        limits: Limits,
        metrics: &Metrics,
    ) -> Self {
        let of_documents = DocumentMetrics::register(metrics);
        let services = Arc::new(Services::new(db, bus, clock, random, lifecycle, limits, of_documents));
        let (budget, unsaved_max) = (services.budget.clone(), services.limits.unsaved_bytes);
        metrics.on_read("documents_unsaved_bytes", "Bytes of updates that wait for the log", move || {
            Reading::count(unsaved_max.saturating_sub(budget.left()))
        });
        metrics.on_read("documents_unsaved_bytes_max", "Bytes that may wait for the log", move || {
            Reading::count(unsaved_max)
        });
        let this = Self { shared: Arc::new(Shared { services, rooms: Mutex::default() }) };
        this.shared.services.lifecycle.spawn_vital("head watch", head_watch::run(this.clone()));
        this.shared.services.lifecycle.spawn("lock sweep", locks::sweep(this.clone()));
        this.shared.services.lifecycle.spawn("left behind", left_behind::run(this.clone()));
        this.shared.services.lifecycle.spawn("retention", retention::run(this.services()));
        this
    }

    /// Attaches a client. The first message that its sink gets is [`crate::delivery::Outgoing::Attached`].
    pub async fn attach(&self, document: &DocumentRef, newcomer: Newcomer) -> Result<Session, AttachError> {
        let Newcomer { principal, access, mode, replica_epoch, sink } = newcomer;
        let handle = self.open(document).ok_or(AttachError::Unavailable)?;
        let id = SessionId(self.shared.services.next_number());
        // Made before it is attached, so that it is detached even if the caller goes away meanwhile.
        let session = Session::new(Arc::clone(&handle), id, Arc::clone(&self.shared.services));
        let attach = Attach { session: id, principal, access, mode };
        let (reply, answer) = oneshot::channel();
        let message = Message::Attach { attach, replica_epoch, sink, reply };
        handle.messages.send(message).await.map_err(|_| AttachError::Unavailable)?;
        answer.await.map_err(|_| AttachError::Unavailable)??;
        Ok(session)
    }

    /// Makes an edit on behalf of a principal, and returns when it is durable. With `expected`, the edit is made only
    /// if the document is at that place.
    pub async fn edit(
        &self,
        document: &DocumentRef,
        principal: Arc<Principal>,
        expected: Option<(Epoch, Seq)>,
        patch: Patch,
    ) -> Result<Edited, EditFailed> {
        self.change(document, principal, expected, Change::Patch(patch)).await
    }

    /// Makes an edit that a run has proposed, in the name of whoever accepts it: the log has both, so that it is told, and
    /// taken back, as the run's.
    pub async fn accept(
        &self,
        document: &DocumentRef,
        principal: Arc<Principal>,
        run: RunId,
        patch: Patch,
    ) -> Result<Edited, EditFailed> {
        self.change(document, principal, None, Change::Proposal(run, patch)).await
    }

    /// Brings an update that was made elsewhere, under a client id that nobody else uses, and returns when it is
    /// durable.
    pub(crate) async fn change(
        &self,
        document: &DocumentRef,
        principal: Arc<Principal>,
        expected: Option<(Epoch, Seq)>,
        change: Change,
    ) -> Result<Edited, EditFailed> {
        let handle = self.open(document).ok_or(EditFailed::Unavailable)?;
        let ticket = Ticket(self.shared.services.next_number());
        let (reply, answer) = oneshot::channel();
        let message = Message::Edit { edit: Edit { ticket, principal, expected, change }, reply };
        handle.messages.send(message).await.map_err(|_| EditFailed::Unavailable)?;
        answer.await.map_err(|_| EditFailed::Unavailable)?
    }

    /// Reads the live document, together with its place in the log.
    pub async fn read<T: Send + 'static>(
        &self,
        document: &DocumentRef,
        read: impl FnOnce(&yrs::Transaction<'_>) -> T + Send + 'static,
    ) -> Result<(T, Epoch, Seq), ReadError> {
        self.look(document, move |room| Ok((room.read(read)?, room.epoch(), room.head()))).await
    }

    /// The live document's state.
    pub async fn state(&self, document: &DocumentRef) -> Result<State, ReadError> {
        self.look(document, |room| Ok(State { epoch: room.epoch(), seq: room.head(), update: room.state()? })).await
    }

    async fn look<T: Send + 'static>(
        &self,
        document: &DocumentRef,
        look: impl FnOnce(&mut Room) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let handle = self.open(document).ok_or(ReadError::Unavailable)?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Look(Box::new(move |room| drop(reply.send(look(room)))));
        handle.messages.send(message).await.map_err(|_| ReadError::Unavailable)?;
        answer.await.map_err(|_| ReadError::Unavailable)?
    }

    /// Closes documents that were deleted, here and on all instances: who has them open is told that their access has
    /// ended. To be called after the deletion was committed; whoever misses it finds out when the log refuses an edit, or
    /// its head is looked for.
    pub fn close_deleted(&self, documents: &[Uuid]) {
        for document in documents {
            self.tell(*document, Event::Gone);
            self.shared.services.bus.publish(*document, &BusMessage::Gone);
        }
    }

    /// What documents were, and who made them what they are.
    #[must_use]
    pub fn history(&self) -> History {
        History::new(self.clone())
    }

    /// How many documents are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.rooms().len()
    }

    /// The documents that are open.
    pub(crate) fn open_ids(&self) -> Vec<Uuid> {
        self.rooms().keys().copied().collect()
    }

    /// Tells a room what the world reports, if the document is open.
    pub(crate) fn tell(&self, document: Uuid, event: Event) {
        if let Some(open) = self.rooms().get(&document) {
            // A room that ends needs no news.
            let _ = open.handle.events.try_send(event);
        }
    }

    pub(crate) fn services(&self) -> Arc<Services> {
        Arc::clone(&self.shared.services)
    }

    /// The way into a document, which is opened if it is not. `None` when the server shuts down.
    pub(crate) fn open(&self, document: &DocumentRef) -> Option<Arc<Handle>> {
        let services = &self.shared.services;
        if services.lifecycle.draining().is_cancelled() {
            return None;
        }
        match self.rooms().entry(document.id) {
            Entry::Occupied(open) => Some(Arc::clone(&open.get().handle)),
            Entry::Vacant(vacant) => {
                let (message_sender, messages) = queue(INBOX_MESSAGES);
                let (event_sender, events) = queue(UNBOUNDED);
                let handle = Arc::new(Handle { messages: message_sender, events: event_sender.clone() });
                let generation = services.next_number();
                vacant.insert(Open { handle: Arc::clone(&handle), generation });
                let inboxes = Inboxes { messages, events, event_sender };
                let life = Life { registry: self.clone(), document: *document, generation };
                services.lifecycle.spawn("document", owner::run(life, inboxes));
                Some(handle)
            }
        }
    }

    /// Removes a life of a document from the registry if nobody can reach it any more.
    pub(crate) fn close_if_unused(&self, document: Uuid, generation: u64) -> bool {
        let mut rooms = self.rooms();
        let unused = rooms
            .get(&document)
            .is_none_or(|open| open.generation == generation && Arc::strong_count(&open.handle) == 1);
        if unused {
            rooms.remove(&document);
        }
        unused
    }

    /// Removes a life of a document from the registry; whoever holds its handle finds it closed.
    pub(crate) fn remove(&self, document: Uuid, generation: u64) {
        let mut rooms = self.rooms();
        if rooms.get(&document).is_some_and(|open| open.generation == generation) {
            rooms.remove(&document);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Uuid, Open>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Sends an input; the future waits while the room is busy. An error means that this life of the document is over.
    ///
    /// No `async fn`: every socket's task would keep room for the input.
    pub(crate) fn input(&self, input: Input) -> impl Future<Output = Result<(), Closed>> + Send {
        match self.messages.try_send(Message::Input(input)) {
            Ok(()) => Either::Left(ready(Ok(()))),
            Err(Refused::Closed(_)) => Either::Left(ready(Err(Closed))),
            Err(Refused::Full(message)) => Either::Right(Box::pin(self.send_when_possible(message))),
        }
    }

    async fn send_when_possible(&self, message: Message) -> Result<(), Closed> {
        self.messages.send(message).await.map_err(|_| Closed)
    }
}

/// This life of the document is over; attach again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document was closed")]
pub struct Closed;
