//! How far the logs of open documents reach and whether nodes are locked, looked up for all of them at once.
//!
//! What other instances commit comes over the bus. The bus may lose it: rooms that were told of a gap ask here, and all
//! open documents are looked at from time to time, often while no bus carries anything between processes. So edits and
//! locks pass between instances without a bus, too, only later.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::bus::BusState;
use platform::db::DbError;
use platform::db::log::{self, Standing};
use platform::limits::Limits;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::owner::Event;
use crate::registry::Documents;

/// Documents in one query, at most.
const QUERY_DOCUMENTS: usize = 5_000;
/// The pause after a query that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Where rooms ask.
#[derive(Debug, Default)]
pub(crate) struct HeadWatch {
    asked: Mutex<HashSet<Uuid>>,
    noted: Notify,
}

impl HeadWatch {
    /// Asks where an open document stands. The answer is an [`Event`] of its room.
    pub(crate) fn ask(&self, document: Uuid) {
        self.asked().insert(document);
        self.noted.notify_one();
    }

    fn asked(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for questions, and takes them. Losing the future loses none.
    async fn next(&self) -> HashSet<Uuid> {
        loop {
            let asked = std::mem::take(&mut *self.asked());
            if !asked.is_empty() {
                return asked;
            }
            self.noted.notified().await;
        }
    }
}

/// What the rooms of this instance were told last.
struct Watch {
    documents: Documents,
    told: HashMap<Uuid, Standing>,
}

/// Looks up heads until the process ends.
pub(crate) async fn run(documents: Documents) {
    let services = documents.services();
    let shutdown = services.lifecycle.shutdown_token();
    let mut bus = services.bus.state();
    let mut watch = Watch { documents, told: HashMap::new() };
    let mut last_round = Instant::now();
    loop {
        let pause = if services.bus.is_between_processes() && *bus.borrow_and_update() == BusState::Up {
            round_pause_with_bus(&services.limits)
        } else {
            round_pause(&services.limits)
        };
        let looked = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            asked = services.heads.next() => {
                let looked = watch.answer(&asked).await;
                if looked.is_err() {
                    services.heads.asked().extend(asked);
                }
                looked
            }
            () = sleep_until(last_round + pause) => {
                last_round = Instant::now();
                watch.look_at_all().await
            }
            // The pause is another one now.
            Ok(()) = bus.changed() => Ok(()),
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "the heads of the logs could not be read");
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RETRY_PAUSE) => {}
            }
        }
    }
}

fn round_pause(limits: &Limits) -> Duration {
    Duration::from_millis(limits.head_check_ms)
}

fn round_pause_with_bus(limits: &Limits) -> Duration {
    Duration::from_millis(limits.head_check_with_redis_ms)
}

impl Watch {
    /// Tells the rooms that asked.
    async fn answer(&mut self, asked: &HashSet<Uuid>) -> Result<(), DbError> {
        let ids: Vec<Uuid> = asked.iter().copied().collect();
        for id in &ids {
            self.told.remove(id);
        }
        self.look_at(&ids).await
    }

    /// Tells the rooms of which something has moved since they were told last.
    async fn look_at_all(&mut self) -> Result<(), DbError> {
        let ids = self.documents.open_ids();
        let open: HashSet<&Uuid> = ids.iter().collect();
        self.told.retain(|id, _| open.contains(id));
        self.look_at(&ids).await
    }

    async fn look_at(&mut self, ids: &[Uuid]) -> Result<(), DbError> {
        let services = self.documents.services();
        for ids in ids.chunks(QUERY_DOCUMENTS) {
            let found = log::standings(&services.db, ids).await?;
            for id in ids {
                match found.get(id).copied() {
                    Some(standing) if self.told.insert(*id, standing) != Some(standing) => {
                        self.documents.tell(*id, Event::Standing(standing));
                    }
                    Some(_) => {}
                    None => self.documents.tell(*id, Event::Gone),
                }
            }
        }
        Ok(())
    }
}
