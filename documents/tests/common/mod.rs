//! What the integration tests share: an instance on a real Postgres, and clients that attach to it.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "only tests use it, and they fail by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use documents::delivery::{AwarenessState, Delivery, Outgoing, Sink, Taken};
use documents::room::{Mode, Receipts, UpdateKind};
use documents::{AttachError, Documents, Newcomer, Session};
use platform::access::Access;
use platform::auth::Principal;
use platform::bus::{Bus, BusState, Hub, InstanceId, RedisBus, World};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::db::Db;
use platform::db::documents::DocumentRef;
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::testing::RedisServer;
use schema::ids::{ClientID, Epoch, UserId};
use tokio::sync::Notify;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Instance {
    pub documents: Documents,
    pub lifecycle: Lifecycle,
    pub bus: Bus,
}

impl Instance {
    pub fn new(db: Db) -> Self {
        Self::with(db, &Hub::default(), Limits::default())
    }

    pub fn with(db: Db, hub: &Hub, limits: Limits) -> Self {
        let bus = Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
        Self::over(bus, Lifecycle::new(), db, limits)
    }

    /// An instance whose way to others is a Redis, which need not be there.
    pub fn with_redis(db: Db, redis: &RedisServer, limits: Limits) -> Self {
        Self::with_redis_at(db, &redis.url(), limits)
    }

    pub fn with_redis_at(db: Db, url: &str, limits: Limits) -> Self {
        let environment = |name: &str| (name == "REDIS_URL").then(|| url.to_owned());
        let config = Config::load(None, &environment).unwrap().redis.unwrap();
        let lifecycle = Lifecycle::new();
        let world = World { random: &Random::from_os(), lifecycle: &lifecycle, metrics: &Metrics::new() };
        let bus = RedisBus::start(&config, InstanceId::new(Uuid::new_v4()), &world).unwrap();
        Self::over(Bus::Redis(bus), lifecycle, db, limits)
    }

    /// An instance that knows no time but that of this clock.
    pub fn at(db: Db, clock: Arc<dyn Clock>) -> Self {
        let bus = Bus::InProcess { hub: Hub::default(), instance: InstanceId::new(Uuid::new_v4()) };
        Self::of(bus, Lifecycle::new(), db, Limits::default(), clock)
    }

    /// An instance with these limits that knows no time but that of this clock.
    pub fn with_clock(db: Db, hub: &Hub, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let bus = Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
        Self::of(bus, Lifecycle::new(), db, limits, clock)
    }

    fn over(bus: Bus, lifecycle: Lifecycle, db: Db, limits: Limits) -> Self {
        Self::of(bus, lifecycle, db, limits, Arc::new(SystemClock::new()))
    }

    fn of(bus: Bus, lifecycle: Lifecycle, db: Db, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let random = Random::from_os();
        let documents = Documents::new(db, bus.clone(), clock, random, lifecycle.clone(), limits, &Metrics::new());
        Self { documents, lifecycle, bus }
    }

    /// Waits until the bus works, or does not.
    pub async fn until_bus_is(&self, wanted: BusState) {
        let mut state = self.bus.state();
        let reached = tokio::time::timeout(PATIENCE, state.wait_for(|state| *state == wanted)).await;
        assert!(reached.is_ok(), "the bus never was {wanted:?}");
    }

    /// Ends the instance as a restart does.
    pub async fn stop(&self) {
        self.lifecycle.shutdown(Duration::from_secs(10)).await;
    }
}

/// Everything a session was told, in order.
#[derive(Default)]
pub struct Inbox {
    messages: Mutex<Vec<Outgoing>>,
    arrived: Notify,
    /// How many more updates are taken before they are withheld.
    room_for: Mutex<Option<usize>>,
}

impl Sink for Inbox {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        if matches!(delivery.message, Outgoing::Update(_))
            && let Some(room_for) = self.room_for.lock().unwrap().as_mut()
        {
            if *room_for == 0 {
                return Taken::Withheld;
            }
            *room_for -= 1;
        }
        self.messages.lock().unwrap().push(delivery.message.clone());
        self.arrived.notify_waiters();
        Taken::Yes
    }
}

impl Inbox {
    pub fn take_only(&self, updates: Option<usize>) {
        *self.room_for.lock().unwrap() = updates;
    }

    pub fn all(&self) -> Vec<Outgoing> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits until what was told satisfies the condition.
    pub async fn until(&self, what: &str, mut condition: impl FnMut(&[Outgoing]) -> bool) {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if condition(&self.messages.lock().unwrap()) {
                    return;
                }
                arrived.await;
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, wait).await;
        assert!(arrived.is_ok(), "waited in vain for {what}; was told {:?}", self.all());
    }
}

/// A person at a replica.
pub struct Client {
    pub doc: Doc,
    pub principal: Arc<Principal>,
    pub id: u64,
    pub inbox: Arc<Inbox>,
    pub session: Option<Session>,
    applied: usize,
    frames: u64,
    awareness_clock: u64,
}

impl Client {
    pub fn new(id: u64) -> Self {
        Self {
            doc: schema::new_doc(ClientID::new(id)),
            principal: person(id),
            id,
            inbox: Arc::default(),
            session: None,
            applied: 0,
            frames: 0,
            awareness_clock: 0,
        }
    }

    pub async fn attach(&mut self, instance: &Instance, document: &DocumentRef) {
        self.attach_as(instance, document, Access::Write).await.expect("attaching succeeds");
    }

    pub async fn attach_as(
        &mut self,
        instance: &Instance,
        document: &DocumentRef,
        access: Access,
    ) -> Result<(), AttachError> {
        self.inbox = Arc::default();
        (self.applied, self.frames) = (0, 0);
        let newcomer = Newcomer {
            principal: Arc::clone(&self.principal),
            access,
            mode: Mode::Sync { receipts: Receipts::Sent },
            replica_epoch: Some(Epoch::FIRST),
            sink: Arc::clone(&self.inbox) as Arc<dyn Sink>,
        };
        self.session = Some(instance.documents.attach(document, newcomer).await?);
        self.handshake().await;
        Ok(())
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("the client is attached")
    }

    /// Both directions of the sync handshake.
    async fn handshake(&mut self) {
        let state_vector = self.doc.transact().state_vector().encode_v1();
        self.session().step_1(state_vector.into()).await.unwrap();
        self.inbox
            .until("step 1 and step 2", |told| {
                told.iter().any(|it| matches!(it, Outgoing::Step1(_)))
                    && told.iter().any(|it| matches!(it, Outgoing::Step2(_)))
            })
            .await;
        let told = self.inbox.all();
        let Some(Outgoing::Step1(theirs)) = told.iter().find(|it| matches!(it, Outgoing::Step1(_))) else { return };
        let theirs = StateVector::decode_v1(theirs).unwrap();
        let answer = self.doc.transact().encode_state_as_update_v1(&theirs);
        self.send(UpdateKind::Step2, answer.into()).await;
        self.pull();
    }

    pub async fn send(&mut self, kind: UpdateKind, update: Bytes) {
        self.frames += 1;
        self.session().update(kind, update).await.unwrap();
    }

    /// An insertion at the start, without sending it.
    pub fn type_offline(&self, text: &str) -> Bytes {
        let shared = self.doc.get_or_insert_text("text");
        let mut txn = self.doc.transact_mut();
        shared.insert(&mut txn, 0, text);
        txn.encode_update_v1().into()
    }

    pub async fn type_text(&mut self, text: &str) {
        let update = self.type_offline(text);
        self.send(UpdateKind::Live, update).await;
    }

    /// Says where the client's cursor is.
    pub async fn point(&mut self, cursor: u32) {
        self.awareness_clock += 1;
        let state = Some(format!(r#"{{"cursor":{cursor}}}"#).into());
        let state = AwarenessState { client: self.id, clock: self.awareness_clock, state };
        self.session().awareness(vec![state]).await.unwrap();
    }

    /// Waits until the client sees these clients, by id, and nobody else.
    pub async fn until_sees(&self, expected: &[u64]) {
        self.inbox
            .until(&format!("{expected:?}"), |told| present(told).keys().copied().eq(expected.iter().copied()))
            .await;
    }

    /// Applies what has come.
    pub fn pull(&mut self) {
        for message in self.inbox.all().into_iter().skip(self.applied) {
            self.applied += 1;
            if let Outgoing::Step2(update) | Outgoing::Part(update) | Outgoing::Update(update) = message {
                self.doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
            }
        }
    }

    pub fn text(&self) -> String {
        let shared = self.doc.get_or_insert_text("text");
        shared.get_string(&self.doc.transact())
    }

    /// Waits until everything that was sent is durable.
    pub async fn until_saved(&self) {
        let frames = self.frames;
        self.inbox
            .until("a receipt", |told| {
                told.iter().any(|it| matches!(it, Outgoing::Receipt { through, .. } if *through >= frames))
            })
            .await;
    }

    /// Waits until the text satisfies the condition.
    pub async fn until_text(&mut self, expected: impl Fn(&str) -> bool) {
        let inbox = Arc::clone(&self.inbox);
        let shared = self.doc.get_or_insert_text("text");
        let (doc, mut applied) = (&self.doc, self.applied);
        inbox
            .until("the text", |told| {
                let mut txn = doc.transact_mut();
                for message in &told[applied..] {
                    if let Outgoing::Step2(update) | Outgoing::Part(update) | Outgoing::Update(update) = message {
                        txn.apply_update(Update::decode_v1(update).unwrap()).unwrap();
                    }
                }
                applied = told.len();
                expected(&shared.get_string(&txn))
            })
            .await;
        self.applied = applied;
    }
}

/// A client's whole state, as one update.
pub fn state(client: &Client) -> Bytes {
    client.doc.transact().encode_state_as_update_v1(&StateVector::default()).into()
}

/// A client applies an update that no server told it.
pub fn hear(client: &Client, update: &[u8]) {
    client.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

/// The states of those who are here, after all that was told.
pub fn present(told: &[Outgoing]) -> BTreeMap<u64, Arc<str>> {
    let mut clocks: BTreeMap<u64, u64> = BTreeMap::new();
    let mut states = BTreeMap::new();
    let told = told.iter().filter_map(|it| if let Outgoing::Awareness(states) = it { Some(states) } else { None });
    for AwarenessState { client, clock, state } in told.flat_map(|states| states.iter()) {
        if clocks.get(client).is_some_and(|known| known >= clock) {
            continue;
        }
        clocks.insert(*client, *clock);
        match state {
            Some(state) => drop(states.insert(*client, Arc::clone(state))),
            None => drop(states.remove(client)),
        }
    }
    states
}

pub fn person(id: u64) -> Arc<Principal> {
    let user = UserId::new(Uuid::from_u128(id.into()));
    Arc::new(Principal::user(user, format!("Person {id}")))
}

/// What a new, empty client sees.
pub async fn text_seen_by_a_newcomer(instance: &Instance, document: &DocumentRef) -> String {
    let mut newcomer = Client::new(u64::from(u32::MAX) - 7);
    newcomer.attach(instance, document).await;
    newcomer.text()
}
