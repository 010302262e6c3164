//! From a document's log to its room.
//!
//! To build a large document takes long and is done on a thread of its own. Meanwhile, who comes with nothing is served
//! from the bytes of the last snapshot: that is what the answer would hold anyway, and nobody waits for the document to
//! be taken apart only to be put together again.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use platform::db::documents::DocumentRef;
use platform::db::log;
use schema::ids::Epoch;
use tokio::sync::mpsc;

use crate::compaction::Compaction;
use crate::delivery::{EndReason, Outgoing};
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
    messages: &mut mpsc::Receiver<Box<Message>>,
) -> Result<(Opened, Vec<Message>), LoadError> {
    let started_ms = services.clock.monotonic_ms();
    let stored = log::load(&services.db, document.org, document.id).await?.ok_or(LoadError::Gone)?;
    let compaction = Compaction::new(&stored, &services.limits);
    let mut projection = Projection::new(document.kind);
    if stored.projected < stored.head {
        projection.request(services.clock.monotonic_ms());
    }
    let mut antechamber = Antechamber::new(services, stored.into());
    match antechamber.build(messages).await {
        Ok(mut room) => {
            services.metrics.load_seconds.observe(seconds_of(services.clock.monotonic_ms() - started_ms));
            room.bar(services.barred.of(document.id));
            let Antechamber { listeners, attached, waiting, .. } = antechamber;
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
    listeners: Listeners,
    attached: Vec<Attach>,
    waiting: Vec<Message>,
    waiting_bytes: usize,
    /// The state vector of the snapshot, if it has one. Looked up when it is needed.
    known: OnceCell<Option<Bytes>>,
}

impl Antechamber {
    fn new(services: &Arc<Services>, stored: Stored) -> Self {
        let listeners = Listeners::new(services);
        let services = Arc::clone(services);
        Self {
            services,
            stored,
            listeners,
            attached: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            known: OnceCell::new(),
        }
    }

    async fn build(&mut self, messages: &mut mpsc::Receiver<Box<Message>>) -> Result<Room, LoadError> {
        let build_room = {
            let (stored, services) = (self.stored.clone(), Arc::clone(&self.services));
            let (limits, budget) = (Arc::clone(&services.limits), services.budget.clone());
            move || Room::open(stored, limits, budget, services.random.clone())
        };
        if self.stored.parts().map(Bytes::len).sum::<usize>() < BUILT_AT_ONCE_BYTES {
            return Ok(build_room()?);
        }
        let mut building = tokio::task::spawn_blocking(build_room);
        let shutdown = self.services.lifecycle.shutdown_token();
        loop {
            let has_room = self.waiting.len() < WAITING_MESSAGES && self.waiting_bytes < WAITING_BYTES;
            tokio::select! {
                built = &mut building => return Ok(built.map_err(|_| LoadError::Aborted)??),
                Some(message) = messages.recv(), if has_room => self.receive(*message),
                () = shutdown.cancelled() => return Err(LoadError::Aborted),
            }
            self.listeners.flush();
        }
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

    /// Answers a step 1 from the snapshot, if the client has nothing. Returns the state vector that is still to be
    /// answered when there is more to say.
    fn answer(&mut self, session: SessionId, state_vector: Bytes) -> Option<Bytes> {
        let syncs = self.attached.iter().any(|it| it.session == session && matches!(it.mode, Mode::Sync { .. }));
        let Some(snapshot) = &self.stored.snapshot else { return Some(state_vector) };
        if !syncs || !state_vector::lacks_everything(&state_vector) {
            return Some(state_vector);
        }
        // What is no update, or not a whole one, is told to nobody: the building will fail.
        let known = self.known.get_or_init(|| self.services.work_long(|| state_vector::of(snapshot)));
        let Some(known) = known.clone() else { return Some(state_vector) };
        if self.stored.tail.is_empty() {
            self.listeners.send(session, Outgoing::Step2(snapshot.clone()));
            return None;
        }
        self.listeners.send(session, Outgoing::Part(snapshot.clone()));
        Some(known)
    }
}

/// A replica of another lineage must not be merged.
pub(crate) fn check_epoch(replica: Option<Epoch>, current: Epoch) -> Result<(), AttachError> {
    if replica.is_some_and(|theirs| theirs != current) { Err(AttachError::EpochMismatch { current }) } else { Ok(()) }
}
