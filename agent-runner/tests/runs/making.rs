//! What agents make: nodes, and data.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::World;

/// A run that uses these tools, one after the other. Returns what the trace says of each.
async fn uses(tools: Vec<(&'static str, Value)>) -> (World, Vec<Value>) {
    let world = World::start().await;
    let script = move |request: &Value, _: usize| {
        let next = tools.get(results(request)).cloned();
        Reply::Parts(vec![next.map_or(Part::Text("Done."), |(name, arguments)| Part::Tool(name, arguments))])
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
    let trace = world.trace(&run).await.into_iter().filter(|event| event["type"] == "tool_call");
    let used = trace.map(|event| event["data"].clone()).collect();
    (world, used)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_inputs_are_refused_is_not_made() {
    let node = |input: Value| json!({"title": "Part", "author_type": "human", "description": "Do.", "inputs": [input]});
    let deep = (0..30).fold(json!(1), |inner, _| json!([inner]));
    let (world, used) = uses(vec![
        ("create_subnode", node(json!({"type": "external_link", "content": "file:///etc/passwd"}))),
        ("create_subnode", node(json!({"type": "structured_data", "content": deep}))),
        ("create_subnode", node(json!({"type": "node_reference", "content": "none"}))),
        ("create_subnode", node(json!({"type": "external_link", "content": "https://example.com/"}))),
    ])
    .await;
    let codes: Vec<&Value> = used.iter().map(|used| &used["error"]["code"]).collect();
    let [impossible, invalid] = [json!("NOT_POSSIBLE"), json!("INVALID_ARGUMENTS")];
    assert_eq!(codes, [&impossible, &impossible, &invalid, &Value::Null], "{used:#?}");
    assert_eq!(world.on_canvas().await.len(), 2, "its own, and the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_keeps_the_schema_that_it_follows() {
    let schema = json!({"type": "object", "properties": {"waves": {"type": "integer"}}, "required": ["waves"]});
    let output = json!({"type": "structured_data", "content": {"waves": 3}, "schema": schema});
    let (world, _) = uses(vec![("add_output", output)]).await;
    let outputs = world.node(&world.node).await["outputs"].as_array().unwrap().clone();
    let data = outputs.iter().find(|output| output["type"] == "structured_data").unwrap();
    assert_eq!((&data["data"], &data["metadata"]), (&json!({"waves": 3}), &json!({"schema": schema})));
}
