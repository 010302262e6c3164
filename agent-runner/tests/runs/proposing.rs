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

    // Who accepted it wrote it, and it is the run's: told so, and taken back with it.
    let blame = world.get(&format!("/documents/node:{}/history/blame?part=body", world.node)).await;
    let blocks = blame["texts"][0]["blocks"].as_array().unwrap();
    let spans: Vec<Value> = blocks.iter().flat_map(|block| block["spans"].as_array().unwrap().clone()).collect();
    let of = |words: &str| spans.iter().find(|span| span["text"].as_str().is_some_and(|text| text.contains(words)));
    let cold = &of("cold").unwrap_or_else(|| panic!("{blame:#}"))["inserted"];
    assert_eq!((&cold["run"], &cold["principal"]), (&json!(run), &json!(format!("user:{}", world.user))));
    assert_eq!(of("Write").unwrap_or_else(|| panic!("{blame:#}"))["inserted"]["run"], Value::Null);
    world.post(&format!("/executions/{run}/undo"), json!({})).await;
    assert_eq!(world.node(&world.node).await["body"], "Write about the sea.");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_offered_as_it_is_written_down() {
    let world = World::start().await;
    let script = |request: &Value, _: usize| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("add_output", json!({"type": "structured_data", "content": {"waves": 3}}))],
            _ => vec![Part::Text("Done.")],
        })
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false, "mode": "propose"})).await;
    world.until_status(&run, "complete").await;
    assert_eq!(world.node(&world.node).await["outputs"], json!([]));
    let proposals = world.get(&format!("/nodes/{}/proposals", world.node)).await;
    assert_eq!(proposals["items"][0]["text"], "```json\n{\n  \"waves\": 3\n}\n```");
}

/// More places than a node keeps proposals.
const PLACES: usize = 205;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_proposes_too_much_proposes_none_of_it_and_goes_on() {
    let body = |word: &str| {
        let places: Vec<String> = (0..PLACES).map(|place| format!("{word} {place}\n\nStone {place}")).collect();
        places.join("\n\n")
    };
    let mut world = World::start().await;
    let node = json!({"title": "The task", "body": body("Wave")});
    world.node = text(&world.post(&format!("/projects/{}/nodes", world.project), node).await["id"]);
    let (everywhere, once) = (body("Foam"), body("Wave").replace("Wave 7\n", "Foam 7\n"));
    let provider = Provider::start(Arc::new(move |request: &Value, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("edit_body", json!({"markdown": everywhere}))],
            1 => vec![Part::Tool("edit_body", json!({"markdown": once}))],
            _ => vec![Part::Text("It is cold.")],
        })
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false, "mode": "propose"})).await;
    world.until_status(&run, "complete").await;
    let told = provider.requests()[1]["messages"].to_string();
    assert!(told.contains("NOT_POSSIBLE"), "it is too much");
    assert_eq!(world.live().await.proposals.len(), 2, "one for the place, and the text");
    assert_eq!(world.live().await.body.trim(), body("Wave").trim());
}
