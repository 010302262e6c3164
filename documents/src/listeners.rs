//! The sinks of a room's sessions: who is told what, and when it is written.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::by_session::BySession;
use crate::delivery::{Delivery, EndReason, Outgoing, Sink, Taken};
use crate::pace::Pace;
use crate::room::{Audience, Mode, SessionId};
use crate::services::Services;

/// Sinks that a room writes to itself, where other threads could write to the rest at the same time.
const FLUSHED_HERE: usize = 256;

struct Listener {
    sink: Arc<dyn Sink>,
    mode: Mode,
    /// The sink is full; updates are withheld until the room says otherwise.
    withheld: bool,
    /// The round in which the sink last took something.
    round: u64,
}

/// Everybody who listens to a room.
pub(crate) struct Listeners {
    services: Arc<Services>,
    /// Names the document in frames.
    number: u64,
    sessions: BySession<Listener>,
    /// Counts up whenever what was said is written.
    round: u64,
    /// Sinks that took something in this round.
    unflushed: Vec<Arc<dyn Sink>>,
    pace: Pace,
}

impl Listeners {
    pub(crate) fn new(services: &Arc<Services>) -> Self {
        Self {
            services: Arc::clone(services),
            number: services.next_number(),
            sessions: BySession::default(),
            round: 1,
            unflushed: Vec::new(),
            pace: Pace::new(Instant::now()),
        }
    }

    /// Adds a session, whose first message is `hello`.
    pub(crate) fn add(&mut self, session: SessionId, sink: Arc<dyn Sink>, mode: Mode, hello: Outgoing) {
        let mut listener = Listener { sink, mode, withheld: false, round: 0 };
        listener.deliver(&Delivery::new(self.number, hello), self.round, &mut self.unflushed);
        self.sessions.insert(session, listener);
    }

    pub(crate) fn remove(&mut self, session: SessionId) {
        self.sessions.remove(session);
    }

    /// Delivers updates to this session again.
    pub(crate) fn resume(&mut self, session: SessionId) {
        if let Some(listener) = self.sessions.get_mut(session) {
            listener.withheld = false;
        }
    }

    /// Sends to one session. Returns the message if its sink did not take it.
    pub(crate) fn send(&mut self, session: SessionId, message: Outgoing) -> Option<Outgoing> {
        let listener = self.sessions.get_mut(session)?;
        let delivery = Delivery::new(self.number, message);
        let taken = listener.deliver(&delivery, self.round, &mut self.unflushed);
        (taken == Taken::Withheld).then_some(delivery.message)
    }

    /// A message to sessions of this room, for [`Self::tell`].
    pub(crate) fn delivery(&self, message: Outgoing) -> Delivery {
        Delivery::new(self.number, message)
    }

    /// Sends to one session what others get, too, and what is never withheld.
    pub(crate) fn tell(&mut self, session: SessionId, delivery: &Delivery) {
        if let Some(listener) = self.sessions.get_mut(session) {
            listener.deliver(delivery, self.round, &mut self.unflushed);
        }
    }

    /// Sends to many sessions. Returns those whose sinks did not take it, and the message.
    pub(crate) fn broadcast(&mut self, audience: Audience, message: Outgoing) -> (Vec<SessionId>, Outgoing) {
        let delivery = Delivery::new(self.number, message);
        let is_update = matches!(delivery.message, Outgoing::Update(_));
        let (mut delivered, mut withheld) = (0, Vec::new());
        for (session, listener) in self.sessions.iter_mut() {
            let addressed = match audience {
                Audience::Syncing => listener.mode != Mode::Watch,
                Audience::SyncingExcept(sender) => listener.mode != Mode::Watch && session != sender,
                Audience::Watching => listener.mode == Mode::Watch,
            };
            if !addressed || (is_update && listener.withheld) {
                continue;
            }
            if listener.deliver(&delivery, self.round, &mut self.unflushed) == Taken::Withheld {
                listener.withheld |= is_update;
                withheld.push(session);
            } else {
                delivered += 1;
            }
        }
        self.services.metrics.deliveries.inc_by(delivered);
        (withheld, delivery.message)
    }

    /// Tells everybody that the room is over.
    pub(crate) fn end(&mut self, reason: EndReason) {
        let delivery = Delivery::new(self.number, Outgoing::Ended(reason));
        for (_, mut listener) in self.sessions.take_all() {
            listener.deliver(&delivery, self.round, &mut self.unflushed);
        }
        self.flush();
    }

    /// Writes what was said, or returns after what time it may be written.
    pub(crate) fn flush_in_pace(&mut self) -> Option<Duration> {
        if self.unflushed.is_empty() {
            return None;
        }
        let start = Instant::now();
        let wait = self.pace.wait(start);
        if !wait.is_zero() {
            return Some(wait);
        }
        self.flush();
        self.pace.spent(start.elapsed());
        None
    }

    /// Writes what was said.
    pub(crate) fn flush(&mut self) {
        self.round += 1;
        if self.services.threads > 1 && self.unflushed.len() > FLUSHED_HERE {
            let elsewhere = self.unflushed.split_off(FLUSHED_HERE);
            self.services.lifecycle.spawn("flush", async move {
                for sink in elsewhere {
                    sink.flush();
                }
            });
        }
        for sink in self.unflushed.drain(..) {
            sink.flush();
        }
    }
}

impl Drop for Listeners {
    /// Whoever is attached to a room that panics would wait for it for ever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end(EndReason::Unavailable);
        }
    }
}

impl Listener {
    fn deliver(&mut self, delivery: &Delivery, round: u64, unflushed: &mut Vec<Arc<dyn Sink>>) -> Taken {
        if self.round != round {
            self.round = round;
            unflushed.push(Arc::clone(&self.sink));
        }
        self.sink.deliver(delivery)
    }
}
