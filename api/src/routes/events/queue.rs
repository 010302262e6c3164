//! What waits for one stream, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::db::events::{Event, EventKind};
use platform::events::EventSink;
use tokio::sync::Notify;

/// Events that wait for a stream, at most. Beyond, they are read from the table when the client has caught up.
const EVENTS_WAITING: usize = 128;

/// Where the feed puts the events of one stream.
#[derive(Debug)]
pub(super) struct Queue {
    /// All when it is empty.
    kinds: Vec<EventKind>,
    waiting: Mutex<Waiting>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    /// Something did not fit.
    has_overflown: bool,
}

/// What has come.
pub(super) enum Taken {
    /// These, in their order.
    Events(VecDeque<Arc<Event>>),
    /// More than fits: the table has it.
    TooMany,
}

impl Queue {
    pub(super) fn new(kinds: Vec<EventKind>) -> Self {
        Self { kinds, waiting: Mutex::default(), noted: Notify::new() }
    }

    pub(super) fn kinds(&self) -> &[EventKind] {
        &self.kinds
    }

    /// What waits, which then waits no more.
    pub(super) fn take(&self) -> Taken {
        let Waiting { events, has_overflown } = std::mem::take(&mut *self.waiting());
        if has_overflown { Taken::TooMany } else { Taken::Events(events) }
    }

    /// Waits until something may have come.
    pub(super) async fn noted(&self) {
        self.noted.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that runs under the lock can leave the queue half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Queue {
    fn deliver(&self, event: &Arc<Event>) {
        if !self.kinds.is_empty() && !self.kinds.contains(&event.kind) {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.has_overflown {
            return;
        }
        if waiting.events.len() < EVENTS_WAITING {
            waiting.events.push_back(Arc::clone(event));
        } else {
            *waiting = Waiting { events: VecDeque::new(), has_overflown: true };
        }
    }

    fn missed(&self) {
        *self.waiting() = Waiting { events: VecDeque::new(), has_overflown: true };
    }

    fn flush(&self) {
        self.noted.notify_one();
    }
}
