//! Runs that wait for a model, and follow their documents meanwhile.

use std::sync::Arc;

use agent_runner::Probe;
use serde_json::{Value, json};
use web_protocol::client::EVENTS_WAITING;

use crate::human::Human;
use crate::provider::{Part, Provider, Reply};
use crate::world::{Worker, World, eventually};

/// More than wait for a listener that does not listen.
const EDITS: usize = EVENTS_WAITING + 100;
/// Edits that a person makes before looking whether they are saved.
const EDITS_AT_ONCE: usize = 5;

/// A run that waits for its model while a person edits its node, and what that person sees of the run then.
async fn edited_while_it_waits(reply: Reply) -> (World, Worker, Provider, String, String) {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(move |_: &Value, _| reply.clone())).await;
    let worker = world.worker(Some(&provider.url), Probe::default());
    let mut person = Human::join(&world, 1).await;
    let run = world.execute(json!({"plan": false})).await;
    let is_asked = async || (provider.requests().len() == 1).then_some(());
    eventually(is_asked).await.expect("the model is asked");
    for edit in 0..EDITS {
        person.write_body(&format!("Write about the sea, {edit} times."));
        if edit % EDITS_AT_ONCE == 0 {
            person.settle().await;
        }
    }
    person.settle().await;
    let presence = person.next_presence().await;
    (world, worker, provider, run, presence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_model_thinks_follows_what_people_write_and_stays_shown() {
    let reply = Reply::Held(vec![Part::Text("It is deep.")]);
    let (world, _worker, provider, run, presence) = edited_while_it_waits(reply).await;
    assert!(presence.contains("thinking"), "{presence}");
    provider.gate.add_permits(1);
    world.until_status(&run, "complete").await;
    assert_eq!(world.node(&world.node).await["outputs"][0]["text"], "It is deep.");
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_before_it_asks_again_follows_what_people_write_and_stays_shown() {
    let (world, _worker, provider, run, presence) = edited_while_it_waits(Reply::Status(429, Some(55))).await;
    assert!(presence.contains("thinking"), "{presence}");
    world.post(&format!("/executions/{run}/cancel"), json!({})).await;
    world.until_status(&run, "cancelled").await;
    assert_eq!(provider.requests().len(), 1);
}
