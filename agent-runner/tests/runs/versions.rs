//! Versions of nodes: what agents are told of references to them, and how they read them.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_the_version_that_an_input_refers_to() {
    let world = World::start().await;
    let source = world.new_node("Another").await;
    let item = json!({"type": "text", "label": "Depth", "text": "Deep."});
    world.post(&format!("/nodes/{source}/inputs"), item).await;
    let path = format!("/nodes/{source}");
    let renaming = json!({"title": "Renamed", "body": "Write about lakes."});
    let (status, changed) = world.call(Method::PATCH, &path, Some(renaming)).await;
    assert!(status.is_success(), "{changed}");
    let reference = json!({"type": "node_reference", "sourceNodeId": source, "sourceVersion": 2});
    world.post(&format!("/nodes/{}/inputs", world.node), reference).await;

    let versions = [json!(2), json!(1), json!(9), Value::Null];
    let asked = source.clone();
    let script = move |request: &Value, _: usize| {
        if results(request) > 0 {
            return Reply::Parts(vec![Part::Text("Done.")]);
        }
        let arguments = |version: &Value| match version {
            Value::Null => json!({"node_id": asked}),
            version => json!({"node_id": asked, "version": version}),
        };
        Reply::Parts(versions.iter().map(|version| Part::Tool("access_node", arguments(version))).collect())
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;

    let requests = provider.requests();
    let brief = requests[0]["messages"][1]["content"].as_str().unwrap();
    assert!(brief.contains(&format!("The node {source} at its version 2")), "{brief}");
    let trace = world.trace(&run).await;
    let used: Vec<&Value> = trace.iter().filter(|event| event["type"] == "tool_call").map(|it| &it["data"]).collect();
    let read =
        |at: usize| (used[at]["result"]["title"].as_str().unwrap(), used[at]["result"]["body"].as_str().unwrap());
    let inputs = |at: usize| used[at]["result"]["inputs"].as_str().unwrap().contains("Deep.");
    assert_eq!((read(0), inputs(0)), (("Another", "Write about the sea."), true), "{:#}", used[0]);
    assert_eq!((read(1).0, inputs(1)), ("Another", false), "the input came later");
    assert_eq!(used[2]["error"]["code"], "VERSION_NOT_FOUND", "{:#}", used[2]);
    assert_eq!((read(3), inputs(3)), (("Renamed", "Write about lakes."), true));
}
