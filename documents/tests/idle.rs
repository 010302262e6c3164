//! A room with nothing to do does nothing, whatever the database does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use common::{Client, Instance};
use platform::bus::{Bus, BusMessage, Hub, InstanceId};
use platform::clock::{Clock, SystemClock};
use platform::db::documents::DocumentRef;
use platform::limits::Limits;
use platform::testing::TestDatabase;
use schema::ids::{Epoch, Seq};
use uuid::Uuid;

/// So long a room is watched,
const WATCHED: Duration = Duration::from_secs(1);
/// in which one that does nothing asks for the time less often. One that spins does so thousands of times.
const CALLS_MAX: u64 = 150;

/// The machine's clock, which counts how often it is asked.
struct CountingClock {
    clock: SystemClock,
    calls: AtomicU64,
}

impl CountingClock {
    fn new() -> Arc<Self> {
        Arc::new(Self { clock: SystemClock::new(), calls: AtomicU64::new(0) })
    }

    /// How often it is asked from now on.
    async fn calls(&self) -> u64 {
        let before = self.calls.load(Ordering::Relaxed);
        tokio::time::sleep(WATCHED).await;
        self.calls.load(Ordering::Relaxed) - before
    }
}

impl Clock for CountingClock {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn monotonic_ms(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.clock.monotonic_ms()
    }
}

/// Waits until a question to the database is answered with yes.
async fn until_so(database: &TestDatabase, question: &str) {
    let wait = async {
        while !database.is_so(question).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "waited in vain for {question}");
}

#[tokio::test]
async fn a_room_that_waits_for_its_projection_to_close_waits_quietly() {
    let database = TestDatabase::new().await;
    let owner = database.user("ada").await;
    let org = database.org(owner.id).await;
    let canvas = DocumentRef::canvas(org, database.project(org).await);
    let clock = CountingClock::new();
    // It closes as soon as it may.
    let limits = Limits { idle_room_seconds: 0, ..Limits::default() };
    let instance =
        Instance::with_clock(database.another_instance().await, &Hub::default(), Arc::clone(&clock) as _, limits);
    let mut ann = Client::new(1);
    ann.attach(&instance, &canvas).await;
    let nodes = database.lock("nodes").await;
    ann.type_text("x").await;
    ann.until_saved().await;
    until_so(&database, "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'nodes'::regclass AND NOT granted").await;
    ann.session = None;
    let calls = clock.calls().await;
    assert!(calls <= CALLS_MAX, "the time was asked for {calls} times");
    assert_eq!(instance.documents.open_count(), 1, "it waits");

    drop(nodes);
    let closed = async {
        while instance.documents.open_count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), closed).await.is_ok(), "it never closes");
    instance.stop().await;
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_not_read_without_a_pause() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let (clock, hub) = (CountingClock::new(), Hub::default());
    let instance =
        Instance::with_clock(database.another_instance().await, &hub, Arc::clone(&clock) as _, Limits::default());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    // Another instance was told of a commit that a failover of the database took back.
    let other = Bus::InProcess { hub, instance: InstanceId::new(Uuid::new_v4()) };
    other.publish(document.id, &BusMessage::Head { epoch: Epoch::FIRST, seq: Seq::new(100) });
    let calls = clock.calls().await;
    assert!(calls <= CALLS_MAX, "the time was asked for {calls} times");
    ann.type_text("still here").await;
    ann.until_saved().await;
    instance.stop().await;
}
