//! Runs that offer their edits: nothing changes until somebody accepts.

use std::sync::Arc;

use agent_runner::Probe;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::{World, text};

fn script(request: &Value, _: usize) -> Reply {
    Reply::Parts(match results(request) {
        0 => vec![
            Part::Tool("edit_body", json!({"markdown": "Write about the *cold* sea.\n\nAnd its fish."})),
            Part::Tool("set_status", json!({"status": "complete"})),
        ],
        _ => vec![Part::Text("It is "), Part::Text("cold.")],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_proposes_changes_nothing_until_somebody_accepts() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false, "mode": "propose"})).await;
    world.until_status(&run, "complete").await;
    let node = world.node(&world.node).await;
    assert_eq!(
        (&node["body"], &node["outputs"], &node["status"]),
        (&json!("Write about the sea."), &json!([]), &json!("draft"))
    );

    let path = format!("/nodes/{}/proposals", world.node);
    let proposals = world.get(&path).await["items"].as_array().unwrap().clone();
    assert!(
        proposals.iter().all(|proposal| proposal["status"] == "open" && proposal["runId"] == run),
        "{proposals:#?}"
    );
    let output = proposals.iter().find(|proposal| proposal["kind"] == "output").unwrap();
    assert_eq!(output["text"], "It is cold.");
    for proposal in &proposals {
        world.post(&format!("{path}/{}/accept", text(&proposal["id"])), json!({})).await;
    }
    let node = world.node(&world.node).await;
    assert_eq!(node["body"], "Write about the _cold_ sea.\n\nAnd its fish.");
    assert_eq!(node["outputs"][0]["text"], "It is cold.");
}
