//! The task that owns one open document: it drives the room and carries out its effects.

mod effects;
mod heavy;
mod jobs;
mod lock;
mod touched;
mod work;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use platform::bus::{BusEvent, BusMessage, BusReceiver};
use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::locks::{self, Lock};
use platform::db::log::{AppendRefusal, Standing};
use platform::db::nodes::Touched;
use platform::queue::{Receiver, Sender};
use schema::ids::{DocumentKind, Epoch, Seq};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::compaction::{Compaction, compact};
use crate::delivery::{EndReason, Outgoing, Sink};
use crate::error::{AttachError, EditFailed, LoadError};
use crate::listeners::Listeners;
use crate::opening::{self, Opened, check_epoch};
use crate::presence_codec;
use crate::projection::{Projected, Projection};
use crate::registry::Documents;
use crate::room::{
    Agreement, Attach, Edit, Edited, Extent, Input, PresenceNews, Quarantined, Room, SavingState, SessionId, Ticket,
};
use crate::services::Services;
use heavy::heavy;
use lock::LockRead;
use touched::TouchedNodes;
use work::Work;

/// Messages that wait for a room; a client that sends more waits for its turn.
pub(crate) const INBOX_MESSAGES: usize = 256;
/// Messages that are handled before what they made the room say is written.
const ROUND_MESSAGES: usize = 64;
/// Without anything to do, a room still looks around once in a while.
const LOOK_AROUND_MS: u64 = 60_000;

/// What clients and callers ask of a room. Boxed on its way: a queue holds memory for many from the start.
pub(crate) enum Message {
    Attach {
        attach: Attach,
        replica_epoch: Option<Epoch>,
        sink: Arc<dyn Sink>,
        reply: oneshot::Sender<Result<(), AttachError>>,
    },
    Input(Input),
    Edit {
        edit: Edit,
        reply: oneshot::Sender<Result<Edited, EditFailed>>,
    },
    Look(Box<dyn FnOnce(&mut Room) + Send>),
}

/// What the world reports to a room. The channel is unbounded; what can be in it is bounded by what was asked for.
pub(crate) enum Event {
    Drained(SessionId),
    Committed(Vec<Seq>),
    LogRefused(AppendRefusal),
    /// The database refuses to keep an update, which has been applied and relayed here.
    Unsavable(Quarantined),
    /// What the log has after the place that was asked for, and of which lineage; neither when it could not be read.
    LogRead(Option<Epoch>, Vec<(Seq, bytes::Bytes)>),
    /// The part that is missing here is only in a snapshot any more.
    LogTrimmed,
    /// Where the document stands, as it was found in the database.
    Standing(Standing),
    /// The document is no more.
    Gone,
    /// Who holds the node's lock after a change that was made here.
    Lock(Option<Lock>),
    /// Who holds the node's lock, as the tables have it.
    LockRead(Result<Option<Lock>, DbError>),
    /// Whether the room holds what the log says.
    Compared(Agreement),
    Compacted(Option<Seq>),
    /// The rows that the tables have of it are behind its log.
    RowsBehind,
    /// The rows were written, or could not be. With it, the nodes of a canvas that were found new or different.
    Projected(Option<Projected>, Vec<Touched>),
}

/// Where the world reports to.
pub(crate) type EventSender = Sender<Event>;

/// The owner of one open document.
pub(crate) struct Owner {
    services: Arc<Services>,
    document: DocumentRef,
    room: Room,
    listeners: Listeners,
    edits: HashMap<Ticket, oneshot::Sender<Result<Edited, EditFailed>>>,
    events: EventSender,
    saving: watch::Receiver<SavingState>,
    bus: BusReceiver,
    compaction: Compaction,
    projection: Projection,
    work: Work,
    touched: TouchedNodes,
    lock_read: LockRead,
    idle_since_ms: Option<u64>,
    /// The replica is to be built anew before anything else is handled.
    reload: bool,
    /// The room is over: everybody was told to come back.
    ended: bool,
}

/// The two ways into a room.
pub(crate) struct Inboxes {
    pub(crate) messages: Receiver<Message>,
    pub(crate) events: Receiver<Event>,
    pub(crate) event_sender: EventSender,
}

/// A life of a document in the registry, which ends with this, also by a panic: others must be able to open it anew.
pub(crate) struct Life {
    pub(crate) registry: Documents,
    pub(crate) document: DocumentRef,
    pub(crate) generation: u64,
}

impl Life {
    fn end(&self) {
        self.registry.remove(self.document.id, self.generation);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

/// Loads a document and serves it until nobody needs it any more.
pub(crate) async fn run(life: Life, mut inboxes: Inboxes) {
    let (services, document) = (life.registry.services(), life.document);
    // The log's lanes end after everything that drains: they outlive what this room has to save.
    let _draining = services.lifecycle.connection("document");
    // Boxed, and not in the match: this task would keep room for it for as long as the document is open.
    let opened = Box::pin(open(Arc::clone(&services), document, &mut inboxes)).await;
    match opened {
        Ok((owner, waiting)) => owner.serve(&life, &mut inboxes, waiting).await,
        Err(error) => {
            life.end();
            tracing::error!(document = %document.id, %error, "the document could not be loaded and stays closed");
            services.metrics.load_failures.inc();
            inboxes.messages.close();
            while let Some(message) = inboxes.messages.recv().await {
                refuse(message);
            }
        }
    }
}

/// The owner of a document, and what it was told while the document was loaded.
async fn open(
    services: Arc<Services>,
    document: DocumentRef,
    inboxes: &mut Inboxes,
) -> Result<(Box<Owner>, Vec<Message>), LoadError> {
    // Subscribed before the load, so that nothing committed elsewhere falls between the two.
    let bus = services.bus.subscribe(document.id);
    // Known before anybody's first update: a lock may keep them out.
    let lock = async {
        match document.kind {
            DocumentKind::Node => locks::find(&services.db, &document).await,
            _ => Ok(None),
        }
    };
    let unrecorded = work::unrecorded(&services, &document);
    let (opened, lock, unrecorded) =
        tokio::join!(opening::open(&services, document, &mut inboxes.messages), lock, unrecorded);
    let (opened, waiting) = opened?;
    let mut owner = Owner::new(services, document, bus, opened, inboxes.event_sender.clone());
    if let Some(by) = unrecorded {
        owner.work.note(owner.now(), by);
    }
    match lock {
        Ok(lock) => owner.take_lock(lock),
        Err(error) => {
            tracing::warn!(document = %document.id, %error, "a lock could not be read");
            owner.read_lock();
        }
    }
    Ok((Box::new(owner), waiting))
}

fn wait_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn refuse(message: Message) {
    match message {
        Message::Attach { reply, .. } => drop(reply.send(Err(AttachError::Unavailable))),
        Message::Edit { reply, .. } => drop(reply.send(Err(EditFailed::Unavailable))),
        Message::Input(_) | Message::Look(_) => {}
    }
}

impl Owner {
    fn new(
        services: Arc<Services>,
        document: DocumentRef,
        bus: BusReceiver,
        opened: Opened,
        events: EventSender,
    ) -> Self {
        let Opened { room, listeners, compaction, projection } = opened;
        services.metrics.rooms.inc();
        Self {
            saving: services.log.state(document.id),
            services,
            document,
            room,
            listeners,
            edits: HashMap::new(),
            events,
            bus,
            compaction,
            projection,
            work: Work::default(),
            touched: TouchedNodes::default(),
            lock_read: LockRead::default(),
            idle_since_ms: None,
            reload: false,
            ended: false,
        }
    }

    async fn serve(mut self: Box<Self>, life: &Life, inboxes: &mut Inboxes, waiting: Vec<Message>) {
        let lifecycle = self.services.lifecycle.clone();
        let (drain, shutdown) = (lifecycle.draining(), lifecycle.shutdown_token());
        // Made once: to wait anew for each message would cost two locks that all rooms share.
        let (draining, shutdown) = (drain.cancelled(), shutdown.cancelled());
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(draining, shutdown, timer);
        let mut wake_ms = u64::MAX;
        // Since others had their turn.
        let mut handled = 0;
        self.ask_for_presence();
        if *self.saving.borrow() == SavingState::Behind {
            self.take(Input::Saving(SavingState::Behind));
        }
        for message in waiting {
            self.take_message(message);
            self.reload_if_asked().await;
        }
        loop {
            self.reload_if_asked().await;
            let flush_in = self.listeners.flush_in_pace();
            self.housekeep(&life.registry);
            let closing = drain.is_cancelled();
            if closing && self.room.is_saved() {
                self.end_all(EndReason::Shutdown);
            }
            if self.ended {
                break;
            }
            if self.is_due_to_close() && life.registry.close_if_unused(self.document.id, life.generation) {
                break;
            }
            // A timer that is set too early costs less than one that is set anew for each message.
            let due_ms = flush_in.map_or(u64::MAX, |wait| self.now() + wait_ms(wait)).min(self.next_due());
            if due_ms < wake_ms || timer.is_elapsed() {
                let now = self.now();
                wake_ms = due_ms.clamp(now, now + LOOK_AROUND_MS);
                // A clock in milliseconds rounds down; one more makes sure that the time has come.
                timer.as_mut().reset(Instant::now() + Duration::from_millis(wake_ms - now + 1));
            }
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    self.end_all(EndReason::Shutdown);
                    break;
                }
                Some(event) = inboxes.events.recv() => self.take_event(event),
                message = inboxes.messages.recv(), if !closing => match message {
                    Some(message) => {
                        handled += self.take_messages(message, &mut inboxes.messages);
                        if handled >= ROUND_MESSAGES {
                            handled = 0;
                            self.give_others_a_turn();
                            tokio::task::yield_now().await;
                        }
                    }
                    None => break,
                },
                message = self.bus.recv() => self.take_from_bus(message),
                Ok(()) = self.saving.changed() => {
                    let state = *self.saving.borrow_and_update();
                    self.take(Input::Saving(state));
                }
                () = &mut draining, if !closing => {}
                () = &mut timer => self.take(Input::Tick),
            }
        }
        self.listeners.flush();
        life.end();
        inboxes.messages.close();
        while let Some(message) = inboxes.messages.try_recv() {
            refuse(message);
        }
        self.leave();
    }

    async fn reload_if_asked(&mut self) {
        if std::mem::take(&mut self.reload) {
            // Boxed: it is seldom needed, and every open document would keep room for it.
            Box::pin(self.reload()).await;
        }
    }

    fn leave(self: Box<Self>) {
        if self.room.has_told_presence() {
            self.publish_presence(&PresenceNews { extent: Extent::All, states: Vec::new() });
        }
        self.services.metrics.rooms.dec();
        if self.compaction.is_worthwhile_at_close() {
            let (services, document) = (Arc::clone(&self.services), self.document);
            self.services.lifecycle.spawn("compaction", async move {
                compact(&services, &document).await;
            });
        }
    }

    fn now(&self) -> u64 {
        self.services.clock.monotonic_ms()
    }

    fn is_due_to_close(&self) -> bool {
        self.closes_at().is_some_and(|at| at <= self.now())
    }

    /// When it closes, unless something happens before.
    fn closes_at(&self) -> Option<u64> {
        let idle_ms = self.services.limits.idle_room_seconds * 1000;
        let may_close = !self.projection.is_busy() && !self.work.is_under_way() && self.touched.is_empty();
        self.idle_since_ms.filter(|_| may_close).map(|since| since + idle_ms)
    }

    /// When something is due, in milliseconds of the clock.
    fn next_due(&self) -> u64 {
        let is_left = self.room.is_idle();
        let work_ends_at = [self.work.ends_at(is_left), self.touched.next_end(is_left)];
        let due = [self.room.deadline(), self.closes_at(), self.projection.due(), self.compaction.due()];
        due.into_iter().chain(work_ends_at).flatten().min().unwrap_or(u64::MAX)
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Drained(session) => self.take(Input::Drained(session)),
            Event::Committed(seqs) => {
                self.projection.request(self.now());
                self.take(Input::Committed(seqs));
            }
            Event::LogRefused(AppendRefusal::DocumentGone) | Event::Gone => self.end_all(EndReason::AccessEnded),
            Event::LogRefused(why) => {
                tracing::warn!(document = %self.document.id, ?why, "the log refuses this room's updates");
                self.end_all(EndReason::Unavailable);
            }
            Event::Unsavable(update) => {
                self.services.barred.add(self.document.id, &update.update);
                self.quarantine(update);
                self.end_all(EndReason::Unsavable);
            }
            Event::LogRead(Some(epoch), _) if epoch != self.room.epoch() => self.end_all(EndReason::Unavailable),
            Event::LogRead(_, updates) => self.take(Input::FromLog(updates)),
            Event::LogTrimmed => self.reload = true,
            Event::Standing(found) => {
                self.take(Input::Head(found.epoch, found.head));
                self.compare_lock(found.lock);
            }
            Event::Lock(lock) => self.lock_changed(lock),
            Event::LockRead(read) => self.lock_was_read(read),
            Event::Compared(agreement) => self.take(Input::Compared(agreement)),
            Event::Compacted(seq) => self.compaction.finished(self.now(), seq),
            Event::RowsBehind => self.projection.request(self.now()),
            Event::Projected(seq, touched) => {
                let head = self.room.head();
                self.projection.finished(self.now(), seq, head);
                self.touched.note(self.now(), touched);
            }
        }
    }

    /// Takes a message and those that wait behind it, so that what they make the room say is written together.
    /// Returns how many there were.
    fn take_messages(&mut self, first: Message, rest: &mut Receiver<Message>) -> usize {
        self.take_message(first);
        for handled in 1..ROUND_MESSAGES {
            if self.reload {
                return handled;
            }
            let Some(next) = rest.try_recv() else { return handled };
            self.take_message(next);
        }
        ROUND_MESSAGES
    }

    /// Handles what came from elsewhere, and what is due: clients that never pause must not keep it out.
    fn give_others_a_turn(&mut self) {
        for _ in 0..ROUND_MESSAGES {
            let Some(event) = self.bus.recv().now_or_never() else { break };
            self.take_from_bus(event);
        }
        if self.saving.has_changed().unwrap_or_default() {
            let state = *self.saving.borrow_and_update();
            self.take(Input::Saving(state));
        }
        if self.next_due() <= self.now() {
            self.take(Input::Tick);
        }
    }

    fn take_message(&mut self, message: Message) {
        match message {
            Message::Attach { attach, replica_epoch, sink, reply } => {
                let result = self.attach(attach, replica_epoch, sink);
                // A caller that is gone has dropped its session, which detaches it.
                let _ = reply.send(result);
            }
            Message::Input(input) => {
                if let Input::Detach(session) = input {
                    self.listeners.remove(session);
                }
                self.take(input);
            }
            Message::Edit { edit, reply } => {
                self.edits.insert(edit.ticket, reply);
                self.take(Input::Edit(edit));
            }
            Message::Look(look) => {
                heavy(&self.services, &mut self.room, look);
                self.reload |= self.room.is_broken();
            }
        }
    }

    fn attach(&mut self, attach: Attach, replica_epoch: Option<Epoch>, sink: Arc<dyn Sink>) -> Result<(), AttachError> {
        let (session, epoch) = (attach.session, self.room.epoch());
        check_epoch(replica_epoch, epoch)?;
        let hello = Outgoing::Attached { access: attach.access, epoch, seq: self.room.head() };
        self.listeners.add(session, sink, attach.mode, hello);
        self.take(Input::Attach(attach));
        Ok(())
    }

    fn take_from_bus(&mut self, event: BusEvent) {
        match event {
            BusEvent::Message { message: BusMessage::Committed { epoch, seq, update }, .. } => {
                self.take(Input::FromBus { epoch, seq, update });
            }
            BusEvent::Message { message: BusMessage::Head { epoch, seq }, .. } => {
                self.take(Input::Head(epoch, seq));
            }
            BusEvent::Message { from, message: BusMessage::Presence(news) } => match presence_codec::decode(&news) {
                Ok(news) => self.take(Input::RemotePresence(from, news)),
                Err(_) => drop(self.services.metrics.unreadable_presence.inc()),
            },
            BusEvent::Message { message: BusMessage::PresenceQuery, .. } => self.take(Input::PresenceQueried),
            BusEvent::Message { message: BusMessage::Stateless(payload), .. } => {
                self.take(Input::RemoteStateless(payload));
            }
            BusEvent::Message { message: BusMessage::LockChanged, .. } => self.read_lock(),
            BusEvent::Message { message: BusMessage::Gone, .. } => self.take_event(Event::Gone),
            BusEvent::Message { message: BusMessage::AccessChanged(_) | BusMessage::EventsThrough(_), .. } => {}
            BusEvent::Gap => {
                self.services.heads.ask(self.document.id);
                self.ask_for_presence();
            }
        }
    }

    fn ask_for_presence(&self) {
        self.services.bus.publish(self.document.id, &BusMessage::PresenceQuery);
    }
}
