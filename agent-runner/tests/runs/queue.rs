//! Workers that are woken through SQS, as moto answers for it.

use std::sync::Arc;

use agent_runner::Probe;
use platform::access::OrgRole;
use platform::agent_queue::{AgentQueue, Announcer};
use platform::config::AgentQueueConfig;
use platform::db::executions;
use platform::executions::Status;
use platform::testing::TestQueue;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply};
use crate::world::{World, eventually};

/// How long a message stays with a worker. What a worker did not settle comes back after this time.
const VISIBILITY_SECONDS: u64 = 2;

async fn world_with(config: &AgentQueueConfig) -> World {
    let mut world = World::start().await;
    let queue = AgentQueue::new(config).await;
    Announcer::new(&world.api.db, &queue, 64, &world.api.metrics).start(&world.api.lifecycle);
    world.queue = Some(queue);
    world
}

async fn provider() -> Provider {
    Provider::start(Arc::new(|_: &Value, _| Reply::Parts(vec![Part::Text("Once"), Part::Gate, Part::Text(".")]))).await
}

async fn is_settled(queue: &TestQueue) {
    let is_empty = async || {
        let depth = queue.depth().await;
        (depth.visible == 0 && depth.in_flight == 0).then_some(())
    };
    eventually(is_empty).await.expect("nothing stays in the queue");
    assert_eq!(queue.dead().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_of_in_the_agreed_format_and_once() {
    let queue = TestQueue::new(VISIBILITY_SECONDS).await;
    let world = world_with(&queue.config).await;
    let run = world.execute(json!({})).await;
    let told = eventually(async || queue.take().await).await.expect("the queue is told");
    let expected = json!({
        "executionId": run, "nodeId": world.node, "orgId": world.org,
        "orgConfig": {"defaultModel": null, "selfHostedEndpoint": null},
    });
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), expected);
    // Another one is told of after it, and the first not again.
    let node = world.new_node("Another").await;
    let other = world.post(&format!("/nodes/{node}/execute"), json!({})).await;
    let told = eventually(async || queue.take().await).await.expect("the queue is told");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["executionId"], other["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_keeps_its_message_while_it_drives_the_run_and_settles_it_then() {
    let queue = TestQueue::new(VISIBILITY_SECONDS).await;
    let world = world_with(&queue.config).await;
    let provider = provider().await;
    let _workers = [(); 2].map(|()| world.worker(Some(&provider.url), Probe::default()));
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    // Longer than it would have been invisible.
    tokio::time::sleep(std::time::Duration::from_secs(VISIBILITY_SECONDS + 1)).await;
    let depth = queue.depth().await;
    assert_eq!((depth.visible, depth.in_flight), (0, 1));
    provider.gate.add_permits(1);
    world.until_status(&run, "complete").await;
    is_settled(&queue).await;
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_is_followed_by_another_and_its_message_comes_to_nothing() {
    let queue = TestQueue::new(VISIBILITY_SECONDS).await;
    let world = world_with(&queue.config).await;
    let provider = provider().await;
    let first = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    first.kill();
    world.expire_lease(&run).await;
    let _second = world.worker(Some(&provider.url), Probe::default());
    provider.gate.add_permits(2);
    world.until_status(&run, "complete").await;
    is_settled(&queue).await;
    assert_eq!(world.node(&world.node).await["outputs"][0]["text"], "Once.");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_ends_among_the_dead_letters() {
    let queue = TestQueue::new(VISIBILITY_SECONDS).await;
    let world = world_with(&queue.config).await;
    let _worker = world.worker(None, Probe::default());
    queue.put("{\"fileId\": 7}").await;
    let is_dead = async || (queue.dead().await == 1).then_some(());
    eventually(is_dead).await.expect("it was received three times");
    // And the worker goes on with what can be read.
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["startedAt"].is_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_gets_nowhere_is_given_up_and_its_message_ends_among_the_dead_letters() {
    let queue = TestQueue::new(VISIBILITY_SECONDS).await;
    let world = world_with(&queue.config).await;
    let run = world.execute(json!({"plan": false})).await;
    // It may open nothing any more.
    let (org, user) = (world.org.parse().unwrap(), world.user.parse().unwrap());
    let other = world.database.user("Somebody else").await;
    world.database.org_member(org, other.id, OrgRole::Owner).await;
    world.database.remove_from_org(org, user).await;
    let _worker = world.worker(None, Probe::default());
    let has_failed = async || {
        let found = executions::find(&world.api.db, org, run.parse().unwrap()).await.unwrap();
        found.filter(|found| found.status == Status::Failed)
    };
    let failed = eventually(has_failed).await.expect("it is given up");
    assert_eq!(failed.error.map(|(code, _)| code).as_deref(), Some("GIVEN_UP"));
    let is_dead = async || (queue.dead().await == 1).then_some(());
    eventually(is_dead).await.expect("its message was tried as often");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_queue_runs_are_found_all_the_same() {
    let nowhere = AgentQueueConfig {
        url: "http://127.0.0.1:1/1/agents".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        visibility_seconds: 600,
    };
    let world = world_with(&nowhere).await;
    let provider = provider().await;
    provider.gate.add_permits(1);
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
}
