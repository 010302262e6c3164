//! What runs leave behind, without what differs from run to run: times, and ids.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::world::{World, text};

/// All nodes of the project, and all runs on them.
pub(super) async fn left_behind(world: &World) -> Value {
    let (mut steps, mut runs, mut nodes) = (HashMap::new(), Vec::new(), Vec::new());
    for execution in world.executions().await {
        let trace = world.trace(&text(&execution["id"])).await;
        steps.extend(trace.iter().map(|event| (text(&event["id"]), event["seq"].clone())));
        let title = world.node(&text(&execution["nodeId"])).await["title"].clone();
        runs.push(json!({
            "node": title, "depth": execution["depth"], "status": execution["status"],
            "tokens": [execution["tokensIn"], execution["tokensOut"]],
            "trace": trace.iter().map(event).collect::<Vec<_>>(),
        }));
    }
    for node in world.on_canvas().await {
        nodes.push(node_of(world, &node, &steps).await);
    }
    runs.sort_by_key(|run| text(&run["node"]));
    nodes.sort_by_key(|node| text(&node["title"]));
    let files = world.files_made().await;
    json!({"nodes": nodes, "runs": runs, "files": files})
}

fn event(event: &Value) -> Value {
    let data = &event["data"];
    json!([event["type"], event["seq"], event["tokensIn"], event["tokensOut"], data["tool"], data["finish"]])
}

async fn node_of(world: &World, id: &str, steps: &HashMap<String, Value>) -> Value {
    let node = world.node(id).await;
    let items = |side: &str| node[side].as_array().unwrap().iter().map(item).collect::<Vec<_>>();
    let live = world.live_node(id).await;
    let questions: Vec<Value> =
        live.questions.iter().map(|question| json!([question.question, question.status, question.answer])).collect();
    let proposals = world.get(&format!("/nodes/{id}/proposals")).await["items"].as_array().unwrap().clone();
    json!({
        "title": node["title"], "status": node["status"], "author": node["authorType"], "body": node["body"],
        "inputs": items("inputs"), "outputs": items("outputs"), "questions": questions,
        "proposals": proposals.into_iter().map(proposal).collect::<Vec<_>>(),
        "written": written(world, id, steps).await,
    })
}

fn item(item: &Value) -> Value {
    json!({"label": item["label"], "type": item["type"], "text": item["text"], "data": item["data"],
        "isFile": item["fileId"].is_string()})
}

fn proposal(mut proposal: Value) -> Value {
    let fields = proposal.as_object_mut().unwrap();
    fields.retain(|name, _| !["id", "runId", "createdAt"].contains(&name.as_str()));
    proposal
}

/// Every character of the node, by block, with the step of the run that wrote it; `null`: a person.
async fn written(world: &World, id: &str, steps: &HashMap<String, Value>) -> Vec<Value> {
    let blame = world.get(&format!("/documents/node:{id}/history/blame")).await;
    let texts = blame["texts"].as_array().unwrap_or_else(|| panic!("{blame:#}"));
    let blocks = texts.iter().flat_map(|text| text["blocks"].as_array().unwrap());
    let of_block = |block: &Value| {
        let mut spans: Vec<(String, Value)> = Vec::new();
        for span in block["spans"].as_array().unwrap() {
            let event = span["inserted"]["traceEvent"].as_str();
            let step = event.map_or(Value::Null, |event| steps[event].clone());
            match spans.last_mut().filter(|(_, last)| *last == step) {
                Some((text, _)) => text.push_str(span["text"].as_str().unwrap()),
                None => spans.push((text(&span["text"]), step)),
            }
        }
        json!([block["path"], spans])
    };
    let mut written: Vec<Value> = blocks.map(of_block).collect();
    // Texts come by the ids of what they are in.
    written.sort_by_key(Value::to_string);
    written
}
