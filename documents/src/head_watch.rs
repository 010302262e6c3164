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
            // Rooms that never cease to ask must not keep the round from the others; they have their turn after it.
            () = sleep_until(last_round + pause) => {
                let looked = watch.look_at_all().await;
                last_round = Instant::now();
                looked
            }
            asked = services.heads.next() => {
                let looked = watch.answer(&asked).await;
                if looked.is_err() {
                    services.heads.asked().extend(asked);
                }
                looked
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use platform::bus::{Bus, Hub, InstanceId};
    use platform::clock::SystemClock;
    use platform::db::log::{NewUpdate, Provenance, Relay, Writer};
    use platform::lifecycle::Lifecycle;
    use platform::metrics::Metrics;
    use platform::random::Random;
    use platform::testing::{TestDatabase, some_principal};
    use schema::ids::{Epoch, Seq};

    use super::*;

    /// An update that another instance wrote, of nothing.
    fn from_elsewhere(document: &platform::db::documents::DocumentRef) -> NewUpdate {
        NewUpdate {
            document: document.id,
            org: document.org,
            epoch: Epoch::FIRST,
            update: Bytes::from_static(&[0, 0]),
            principal: some_principal(),
            run: None,
            provenance: Provenance::Own,
            client_ids: Vec::new(),
            new_clients: Vec::new(),
            received_at: chrono::Utc::now(),
            relay: Relay::AsStored,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_never_ceases_to_ask_does_not_keep_the_round_from_the_others() {
        let database = TestDatabase::new().await;
        let document = database.document().await;
        let bus = Bus::InProcess { hub: Hub::default(), instance: InstanceId::new(Uuid::new_v4()) };
        let (clock, lifecycle) = (Arc::new(SystemClock::new()), Lifecycle::new());
        let limits = Limits { head_check_ms: 50, ..Limits::default() };
        let (db, random, metrics) = (database.another_instance().await, Random::from_os(), Metrics::new());
        let documents = Documents::new(db, bus, clock, random, lifecycle.clone(), limits, &metrics);
        assert_eq!(documents.state(&document).await.unwrap().seq, Seq::ZERO);
        let services = documents.services();
        let asks = tokio::spawn(async move {
            loop {
                services.heads.ask(Uuid::nil());
                tokio::task::yield_now().await;
            }
        });
        // What the room itself asked when it was opened is answered by then.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let batch = Writer::new(Uuid::new_v4()).next_batch();
        log::append(&database.db, batch, &[from_elsewhere(&document)]).await.unwrap();
        let told = async {
            while documents.state(&document).await.unwrap().seq == Seq::ZERO {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(10), told).await;
        asks.abort();
        assert!(told.is_ok(), "the room never hears of it");
        lifecycle.shutdown(Duration::from_secs(10)).await;
    }
}
