//! Runs that wait until a worker has time for them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply};
use crate::world::{World, text};

/// Longer than a worker that has time lets a run wait.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_drives_no_more_runs_than_it_may_and_takes_up_the_next_when_one_is_over() {
    let world = World::start().await;
    let script = |_: &Value, _: usize| Reply::Parts(vec![Part::Text("One "), Part::Gate, Part::Text("after another.")]);
    let provider = Provider::start(Arc::new(script)).await;
    let mut setup = world.setup(Some(&provider.url));
    setup.config.runs = 1;
    let _worker = world.worker_of(setup);
    let first = world.execute(json!({"plan": false})).await;
    world.until(&first, |run| run["outputItemId"].is_string()).await;
    let node = world.new_node("Another task").await;
    let second = text(&world.post(&format!("/nodes/{node}/execute"), json!({"plan": false})).await["id"]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(world.execution(&second).await["status"], "pending");
    assert_eq!(provider.requests().len(), 1);

    provider.gate.add_permits(1);
    world.until_status(&first, "complete").await;
    world.until(&second, |run| run["outputItemId"].is_string()).await;
    provider.gate.add_permits(1);
    world.until_status(&second, "complete").await;
}
