//! Runs of agents: steps, and leases that were lost (G33, G34).

use platform::access::{AccessNews, ProjectRole};
use platform::bus::{Bus, InstanceId};
use platform::db::history::{self, LoggedUpdate};
use platform::limits::Limits;
use schema::ids::{RunId, Seq};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::server::{Person, Server};

/// Checks that are due by themselves come too late for a test.
const CHECKED_LATE: u64 = 3600;

struct Scene {
    server: Server,
    ann: Person,
    node: Uuid,
    run: RunId,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
        let ann = server.person("Ann", ProjectRole::Member).await;
        let node = server.node().await;
        let run = server.database.run(server.org, server.project, node.into(), ann.user.id).await;
        Self { server, ann, node, run }
    }

    fn name(&self) -> String {
        format!("node:{}", self.node)
    }

    async fn worker(&self, lease: i64) -> Client {
        self.server.worker(self.run, lease, &self.ann).await
    }

    async fn log(&self) -> Vec<LoggedUpdate> {
        let places = Seq::new(1)..=Seq::new(1000);
        history::updates(&self.server.database.db, self.server.org, self.node, places).await.unwrap()
    }
}

fn step(channel: &str, trace_event: impl Into<Value>) -> Value {
    json!({ "type": "step", "payload": { "channel": channel, "traceEvent": trace_event.into() } })
}

#[tokio::test]
async fn g33_what_a_run_writes_is_logged_with_its_run_and_the_event_of_its_trace() {
    let scene = Scene::new().await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let mut worker = scene.worker(1).await;
    // Before the channel's opening has ended here, though its client knows of it.
    worker.subscribe(&scene.name(), None).await;
    let number = worker.reply("subscribed").await["payload"]["sync"]["number"].as_u64().unwrap();
    worker.number = number;
    worker.ask(step(&scene.name(), one.to_string())).await;
    worker.handshake().await;
    worker.type_text("one").await;
    worker.ask(step(&scene.name(), two.to_string())).await;
    worker.type_text("two").await;
    worker.ask(step(&scene.name(), Value::Null)).await;
    worker.type_text("three").await;
    worker.until_saved().await;
    let mut human = scene.server.editor(&scene.ann, &scene.name()).await;
    human.type_text("mine").await;
    human.until_saved().await;
    let log: Vec<_> = scene.log().await.iter().map(|update| (update.run, update.trace_event)).collect();
    let run = Some(scene.run);
    assert_eq!(log, [(run, Some(one)), (run, Some(two)), (run, None), (None, None)]);
    scene.server.stop().await;
}

#[tokio::test]
async fn g33_only_runs_have_steps_and_only_in_documents_that_they_sync() {
    let scene = Scene::new().await;
    let mut human = scene.server.editor(&scene.ann, &scene.name()).await;
    human.ask(step(&scene.name(), Value::Null)).await;
    assert_eq!(human.error().await["code"], "INVALID_MESSAGE");
    let mut worker = scene.worker(1).await;
    worker.ask(step(&scene.name(), Value::Null)).await;
    assert_eq!(worker.error().await["code"], "NOT_SUBSCRIBED");
    worker.watch(&scene.name()).await;
    worker.ask(step(&scene.name(), Value::Null)).await;
    assert_eq!(worker.error().await["code"], "NOT_SUBSCRIBED");
    worker.ask(step(&scene.name(), "rubbish")).await;
    assert_eq!(worker.error().await["code"], "INVALID_MESSAGE");
    scene.server.stop().await;
}

#[tokio::test]
async fn g34_a_worker_that_comes_with_a_greater_lease_ends_the_one_before() {
    let scene = Scene::new().await;
    let mut old = scene.worker(1).await;
    old.open(&scene.name()).await;
    old.type_text("mine ").await;
    old.until_saved().await;
    scene.server.database.take_lease(scene.run).await;
    let mut new = scene.worker(2).await;
    new.open(&scene.name()).await;
    assert_eq!(old.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    old.type_text("too late ").await;
    assert_eq!(old.error().await["code"], "UNKNOWN_CHANNEL");
    old.subscribe(&scene.name(), None).await;
    assert_eq!(old.error().await["code"], "NOT_FOUND");
    assert_eq!(new.text(), "mine ");
    // The new one cannot hand its lease to the socket of the old one.
    let until = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let token = scene.server.authenticator.issue_run_token(scene.run, 2, scene.ann.user.id, "Helper", until).token;
    old.ask(json!({ "type": "token", "payload": { "token": token.expose() } })).await;
    assert_eq!(old.error().await["code"], "PRINCIPAL_MISMATCH");
    scene.server.stop().await;
}

#[tokio::test]
async fn g34_a_lease_that_was_taken_on_another_instance_ends_the_worker_here_at_once() {
    let scene = Scene::new().await;
    let another_instance = AccessNews::start(
        Bus::InProcess { hub: scene.server.hub.clone(), instance: InstanceId::new(Uuid::new_v4()) },
        &scene.server.lifecycle,
    );
    let mut old = scene.worker(1).await;
    old.open(&scene.name()).await;
    let mut human = scene.server.editor(&scene.ann, &scene.name()).await;
    scene.server.database.take_lease(scene.run).await;
    another_instance.announce(scene.ann.user.id);
    assert_eq!(old.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    old.type_text("too late").await;
    assert_eq!(old.error().await["code"], "UNKNOWN_CHANNEL");
    human.type_text("Ann").await;
    human.until_saved().await;
    assert_eq!(scene.log().await.len(), 1, "the person for whom it acted goes on");
    scene.server.stop().await;
}
