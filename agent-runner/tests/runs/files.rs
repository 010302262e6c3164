//! Files, which agents pass on and do not make.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::provider::{Part, Provider, Reply, results};
use crate::world::World;

/// A run of a model that passes on what has these contents, one after the other. Returns what became of each.
async fn passes_on(world: &World, options: Value, contents: Vec<Value>) -> Vec<Value> {
    let script = move |request: &Value, _: usize| {
        if results(request) > 0 {
            return Reply::Parts(vec![Part::Text("Done.")]);
        }
        let file =
            |content: &Value| Part::Tool("add_output", json!({"type": "file", "label": "Map", "content": content}));
        Reply::Parts(contents.iter().map(file).collect())
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(options).await;
    world.until_status(&run, "complete").await;
    let trace = world.trace(&run).await;
    trace.into_iter().filter(|event| event["type"] == "tool_call").map(|event| event["data"].clone()).collect()
}

async fn with_a_file() -> (World, Uuid) {
    let (world, file) = (World::start().await, Uuid::new_v4());
    world.post(&format!("/nodes/{}/inputs", world.node), json!({"type": "file", "fileId": file})).await;
    (world, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_among_the_inputs_is_passed_on_and_no_other() {
    let (world, file) = with_a_file().await;
    // One that stands at another node of the project is none of this one's.
    let (elsewhere, node) = (Uuid::new_v4(), world.new_node("Another").await);
    world.post(&format!("/nodes/{node}/inputs"), json!({"type": "file", "fileId": elsewhere})).await;
    let bad =
        [json!({"fileId": elsewhere}), json!({"fileId": "../../etc/passwd"}), json!(file), json!({}), json!(null)];
    let contents = [vec![json!({"fileId": file})], bad.to_vec()].concat();
    let used = passes_on(&world, json!({"plan": false}), contents).await;
    let outputs = world.node(&world.node).await["outputs"].as_array().unwrap().clone();
    let files: Vec<&Value> = outputs.iter().filter(|output| output["type"] == "file").collect();
    assert_eq!(files.len(), 1, "{outputs:#?}");
    assert_eq!((&files[0]["fileId"], &files[0]["label"]), (&json!(file), &json!("Map")));
    assert_eq!(files[0]["provenance"]["kind"], "agent");
    assert_eq!(used[0]["result"]["output_id"], files[0]["id"]);
    assert_eq!(used.len(), 1 + bad.len());
    assert!(used[1..].iter().all(|used| used["error"]["code"] == "INVALID_ARGUMENTS"), "{used:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cannot_be_offered() {
    let (world, file) = with_a_file().await;
    let options = json!({"plan": false, "mode": "propose"});
    let used = passes_on(&world, options, vec![json!({"fileId": file})]).await;
    assert_eq!(used[0]["error"]["code"], "NOT_ALLOWED", "{used:#?}");
    assert_eq!(world.live().await.proposals.len(), 1, "what the model said");
}
