//! Hearing of events: on the instance that commits them, on others with a bus of either kind, and without any.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform::bus::{Bus, BusState, Hub, InstanceId, RedisBus, World};
use platform::config::{Config, RedisConfig, Secret};
use platform::db::Db;
use platform::db::events::{self, Event, EventId, EventKind, NewEvent};
use platform::events::{EventFeed, EventListener, EventSink, Interest};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::testing::{RedisServer, TestDatabase};
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);
/// So long that nothing that is heard within the test was found by looking.
const NEVER_MS: u64 = 3_600_000;

/// Remembers what it is given.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Arc<Event>>>,
    missed: Mutex<usize>,
    noted: Notify,
}

impl EventSink for Heard {
    fn deliver(&self, event: &Arc<Event>) {
        self.events.lock().unwrap().push(Arc::clone(event));
    }

    fn missed(&self) {
        *self.missed.lock().unwrap() += 1;
    }

    fn flush(&self) {
        self.noted.notify_one();
    }
}

impl Heard {
    fn ids(&self) -> Vec<u64> {
        self.events.lock().unwrap().iter().map(|event| event.id.get()).collect()
    }

    /// Waits until so many have come.
    async fn wait_for(&self, count: usize) -> Vec<u64> {
        let wait = async {
            while self.ids().len() < count {
                self.noted.notified().await;
            }
            self.ids()
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:?} of {count}", self.ids()))
    }
}

struct Setting {
    test: TestDatabase,
    org: OrgId,
}

impl Setting {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let owner = test.user("ada").await;
        let org = test.org(owner.id).await;
        Self { test, org }
    }
}

fn limits(without_bus_ms: u64, with_bus_ms: u64) -> Limits {
    Limits { head_check_ms: without_bus_ms, head_check_with_redis_ms: with_bus_ms, ..Config::default().limits }
}

fn hub_bus(hub: &Hub) -> Bus {
    Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::new_v4()) }
}

async fn listen(feed: &EventFeed, org: OrgId, interest: Interest) -> (Arc<Heard>, EventListener) {
    let heard = Arc::<Heard>::default();
    let sink: Arc<dyn EventSink> = Arc::clone(&heard) as _;
    (heard, feed.listen(org, interest, sink).await.unwrap())
}

async fn write(db: &Db, org: OrgId, event: NewEvent) {
    let mut tx = db.org(org).await.unwrap();
    events::append(&mut tx, event);
    tx.commit().await.unwrap();
}

fn event() -> NewEvent {
    NewEvent::new(EventKind::NodeMoved, json!({}))
}

#[tokio::test]
async fn each_listener_gets_what_it_listens_to_from_then_on() {
    let Setting { test, org } = Setting::new().await;
    let bus = hub_bus(&Hub::default());
    let feed = EventFeed::start(&test.db, &bus, &Lifecycle::new(), &limits(NEVER_MS, NEVER_MS), &Metrics::new());
    let (project, node) = (ProjectId::new(Uuid::new_v4()), NodeId::new(Uuid::new_v4()));
    let (ada, bob) = (UserId::new(Uuid::new_v4()), UserId::new(Uuid::new_v4()));
    write(&test.db, org, event().project(project)).await;
    let (in_org, _a) = listen(&feed, org, Interest::Organization(ada)).await;
    let (in_project, of_project) = listen(&feed, org, Interest::Project(project)).await;
    let (in_node, _c) = listen(&feed, org, Interest::Node(node)).await;
    let (for_ada, _d) = listen(&feed, org, Interest::User(ada)).await;
    write(&test.db, org, event().project(project)).await;
    write(&test.db, org, event().project(project).node(node)).await;
    write(&test.db, org, event().project(project).node(node).only_for(ada)).await;
    write(&test.db, org, event().project(project).only_for(bob)).await;
    write(&test.db, org, event().node(node)).await;
    assert_eq!(in_node.wait_for(2).await, [3, 6]);
    assert_eq!(in_org.wait_for(4).await, [2, 3, 4, 6]);
    assert_eq!(in_project.ids(), [2, 3]);
    assert_eq!(for_ada.ids(), [4]);
    drop(of_project);
    write(&test.db, org, event().project(project)).await;
    assert_eq!(in_org.wait_for(5).await, [2, 3, 4, 6, 7]);
    assert_eq!(in_project.ids(), [2, 3], "who listens no more gets nothing");
}

#[tokio::test]
async fn a_reader_ends_with_its_last_listener_and_another_begins_where_the_stream_is() {
    let Setting { test, org } = Setting::new().await;
    let bus = hub_bus(&Hub::default());
    let feed = EventFeed::start(&test.db, &bus, &Lifecycle::new(), &limits(NEVER_MS, NEVER_MS), &Metrics::new());
    for number in 1..=30 {
        let (heard, listener) = listen(&feed, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
        write(&test.db, org, event()).await;
        assert_eq!(heard.wait_for(1).await, [number]);
        drop(listener);
    }
}

#[tokio::test]
async fn other_instances_hear_over_the_bus_in_the_process() {
    let Setting { test, org } = Setting::new().await;
    let hub = Hub::default();
    let (here, there) = (test.another_instance().await, test.another_instance().await);
    let limits = limits(NEVER_MS, NEVER_MS);
    let _writing = EventFeed::start(&here, &hub_bus(&hub), &Lifecycle::new(), &limits, &Metrics::new());
    let listening = EventFeed::start(&there, &hub_bus(&hub), &Lifecycle::new(), &limits, &Metrics::new());
    let (heard, _listener) = listen(&listening, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
    for number in 1..=20 {
        write(&here, org, event()).await;
        assert_eq!(heard.wait_for(number).await.len(), number);
    }
}

async fn redis_bus(redis: &RedisServer, lifecycle: &Lifecycle) -> Bus {
    let config = RedisConfig { url: Secret::new(redis.url()), ..redis_defaults() };
    let (random, metrics) = (Random::from_os(), Metrics::new());
    let world = World { random: &random, lifecycle, metrics: &metrics };
    let bus = RedisBus::start(&config, InstanceId::new(Uuid::new_v4()), &world).unwrap();
    let mut state = bus_state(&bus);
    timeout(PATIENCE, state.wait_for(|state| *state == BusState::Up)).await.unwrap().unwrap();
    Bus::Redis(bus)
}

fn bus_state(bus: &RedisBus) -> tokio::sync::watch::Receiver<BusState> {
    Bus::Redis(bus.clone()).state()
}

fn redis_defaults() -> RedisConfig {
    RedisConfig {
        url: Secret::new(String::new()),
        ca_file: None,
        prefix: "test:".to_owned(),
        queue_messages: 1_000,
        queue_bytes: 1 << 20,
        inline_update_bytes: 1 << 16,
    }
}

#[tokio::test]
async fn other_instances_hear_over_redis_and_when_it_is_lost_through_the_database() {
    let Setting { test, org } = Setting::new().await;
    let mut redis = RedisServer::start();
    let (here, there) = (test.another_instance().await, test.another_instance().await);
    let lifecycle = Lifecycle::new();
    // With a Redis that works nothing is looked for within the test, without one often.
    let limits = limits(50, NEVER_MS);
    let _writing = EventFeed::start(&here, &redis_bus(&redis, &lifecycle).await, &lifecycle, &limits, &Metrics::new());
    let listening =
        EventFeed::start(&there, &redis_bus(&redis, &lifecycle).await, &lifecycle, &limits, &Metrics::new());
    let (heard, _listener) = listen(&listening, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
    for number in 1..=20 {
        write(&here, org, event()).await;
        assert_eq!(heard.wait_for(number).await.len(), number);
    }
    redis.kill();
    for number in 21..=23 {
        write(&here, org, event()).await;
        assert_eq!(heard.wait_for(number).await.len(), number);
    }
}

#[tokio::test]
async fn without_any_bus_events_of_other_instances_come_by_looking() {
    let Setting { test, org } = Setting::new().await;
    let (here, there) = (test.another_instance().await, test.another_instance().await);
    let feed =
        EventFeed::start(&there, &hub_bus(&Hub::default()), &Lifecycle::new(), &limits(30, NEVER_MS), &Metrics::new());
    let (heard, _listener) = listen(&feed, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
    for _ in 0..3 {
        write(&here, org, event()).await;
    }
    assert_eq!(heard.wait_for(3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_database_that_does_not_answer_delays_events_and_loses_none() {
    let Setting { test, org } = Setting::new().await;
    let bus = hub_bus(&Hub::default());
    let feed = EventFeed::start(&test.db, &bus, &Lifecycle::new(), &limits(30, NEVER_MS), &Metrics::new());
    let (heard, _listener) = listen(&feed, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
    write(&test.db, org, event()).await;
    heard.wait_for(1).await;
    // The reader fails as long as the table has another name.
    test.sabotage("ALTER TABLE event_heads RENAME TO elsewhere").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    test.sabotage("ALTER TABLE elsewhere RENAME TO event_heads").await;
    write(&test.db, org, event()).await;
    assert_eq!(heard.wait_for(2).await, [1, 2]);
}

#[tokio::test]
async fn a_listener_is_told_when_events_were_let_go_of_before_they_were_read() {
    let Setting { test, org } = Setting::new().await;
    let here = test.another_instance().await;
    let bus = hub_bus(&Hub::default());
    let feed = EventFeed::start(&test.db, &bus, &Lifecycle::new(), &limits(NEVER_MS, NEVER_MS), &Metrics::new());
    let (heard, _listener) = listen(&feed, org, Interest::Organization(UserId::new(Uuid::nil()))).await;
    write(&here, org, event()).await;
    events::remove_before(&here, chrono::Utc::now() + chrono::TimeDelta::days(1)).await.unwrap();
    write(&test.db, org, event()).await;
    assert_eq!(heard.wait_for(1).await, [2]);
    assert_eq!(*heard.missed.lock().unwrap(), 1);
    assert_eq!(heard.events.lock().unwrap()[0].id, EventId::new(2));
}
