//! Instances for a test, and what they hear.

use std::time::Duration;

use bytes::Bytes;
use platform::bus::{
    AddressError, Bus, BusEvent, BusMessage, BusReceiver, BusState, Hub, InstanceId, RedisBus, Topic, World,
};
use platform::config::{RedisConfig, Secret};
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::testing::RedisServer;
use schema::ids::{Epoch, Seq};
use tokio::time::timeout;
use uuid::Uuid;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const DOCUMENT: Topic = Topic::Document(Uuid::from_u128(1));
pub(crate) const OTHER_DOCUMENT: Topic = Topic::Document(Uuid::from_u128(2));

/// What carries the messages between the instances of a test.
pub(crate) enum Carrier {
    InProcess(Hub),
    Redis(RedisServer),
}

impl Carrier {
    pub(crate) fn in_process() -> Self {
        Self::InProcess(Hub::default())
    }

    pub(crate) fn redis() -> Self {
        Self::Redis(RedisServer::start())
    }

    pub(crate) async fn instance(&self) -> Instance {
        match self {
            Self::InProcess(hub) => {
                let bus = Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
                Instance { bus, lifecycle: Lifecycle::new(), metrics: Metrics::new() }
            }
            Self::Redis(server) => {
                let instance = Instance::on(&config(&server.url()));
                instance.until(BusState::Up).await;
                instance
            }
        }
    }
}

pub(crate) fn config(url: &str) -> RedisConfig {
    RedisConfig {
        url: Secret::new(url),
        ca_file: None,
        prefix: "test:".to_owned(),
        queue_messages: 20_000,
        queue_bytes: 16 << 20,
        inline_update_bytes: 1024,
    }
}

pub(crate) struct Instance {
    pub(crate) bus: Bus,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Metrics,
}

impl Instance {
    /// An instance with a Redis, which may not be there yet.
    pub(crate) fn on(config: &RedisConfig) -> Self {
        Self::try_on(config).unwrap()
    }

    pub(crate) fn try_on(config: &RedisConfig) -> Result<Self, AddressError> {
        let (lifecycle, metrics, random) = (Lifecycle::new(), Metrics::new(), Random::from_os());
        let world = World { random: &random, lifecycle: &lifecycle, metrics: &metrics };
        let redis = RedisBus::start(config, InstanceId::new(Uuid::new_v4()), &world)?;
        Ok(Self { bus: Bus::Redis(redis), lifecycle, metrics })
    }

    pub(crate) async fn until(&self, wanted: BusState) {
        let mut state = self.bus.state();
        let reached = timeout(PATIENCE, state.wait_for(|state| *state == wanted)).await;
        assert!(reached.is_ok_and(|reached| reached.is_ok()), "the bus never was {wanted:?}");
    }

    /// Begins to listen to a topic.
    pub(crate) fn subscribe(&self, topic: Topic) -> Ear {
        Ear { receiver: self.bus.subscribe(topic) }
    }

    /// Listens to a topic, from now on.
    pub(crate) async fn listen(&self, topic: Topic) -> Ear {
        let mut ear = self.subscribe(topic);
        if matches!(self.bus, Bus::Redis(_)) {
            assert_eq!(ear.next().await, BusEvent::Gap, "a subscription that comes about says so first");
        }
        ear
    }

    pub(crate) fn say(&self, topic: Topic, seq: u64) {
        self.bus.publish(topic, &committed(seq));
    }

    /// A counter's value, by the rest of its name and its labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.encode();
        let line = text.lines().find(|line| line.starts_with(&format!("glassbox_bus_{name} ")));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |value| value.parse().unwrap())
    }
}

pub(crate) struct Ear {
    receiver: BusReceiver,
}

impl Ear {
    pub(crate) async fn next(&mut self) -> BusEvent {
        timeout(PATIENCE, self.receiver.recv()).await.expect("something is heard")
    }

    /// The next message, which must not be preceded by a gap.
    pub(crate) async fn message(&mut self) -> (InstanceId, BusMessage) {
        match self.next().await {
            BusEvent::Message { from, message } => (from, message),
            BusEvent::Gap => panic!("a gap where there was none"),
        }
    }

    /// The place that the next message speaks of.
    pub(crate) async fn seq(&mut self) -> u64 {
        match self.message().await {
            (_, BusMessage::Committed { seq, .. } | BusMessage::Head { seq, .. }) => seq.get(),
            (_, other) => panic!("{other:?} speaks of no place"),
        }
    }

    /// Waits for a gap, whatever is heard before it.
    pub(crate) async fn gap(&mut self) {
        while self.next().await != BusEvent::Gap {}
    }

    /// Waits until a place is heard of, over all gaps; the sender says it again and again, since any one may be lost.
    pub(crate) async fn until_heard(&mut self, sender: &Instance, topic: Topic, seq: u64) {
        self.until_message(sender, topic, &committed(seq)).await;
    }

    /// Waits until a message is heard in the same way.
    pub(crate) async fn until_message(&mut self, sender: &Instance, topic: Topic, wanted: &BusMessage) {
        let heard = async {
            let mut again = tokio::time::interval(Duration::from_millis(50));
            loop {
                tokio::select! {
                    event = self.receiver.recv() => {
                        if matches!(event, BusEvent::Message { message, .. } if message == *wanted) {
                            return;
                        }
                    }
                    _ = again.tick() => sender.bus.publish(topic, wanted),
                }
            }
        };
        timeout(PATIENCE, heard).await.expect("it is heard at last");
    }

    /// Whether nothing waits.
    pub(crate) async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(50), self.receiver.recv()).await.is_err()
    }
}

pub(crate) fn committed(seq: u64) -> BusMessage {
    let update = Bytes::from(format!("update {seq}"));
    BusMessage::Committed { epoch: Epoch::FIRST, seq: Seq::new(seq), update }
}
