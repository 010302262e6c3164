//! What a run began with stays what it works with, whatever is set up meanwhile.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::{World, eventually, text};

fn script(request: &Value, _: usize) -> Reply {
    Reply::Parts(match results(request) {
        0 => vec![Part::Text("One. "), Part::Gate, Part::Tool("list_nodes", json!({}))],
        1 => vec![Part::Text("Two. "), Part::Gate, Part::Tool("set_status", json!({"status": "complete"}))],
        _ => vec![Part::Text("Three.")],
    })
}

fn model(name: &str, url: &str) -> Value {
    json!({"name": name, "baseUrl": url, "model": name, "contextTokens": 50_000, "outputTokens": 1_000})
}

fn template(instructions: &str) -> Value {
    let structure = json!({"nodes": [{"key": "a", "title": "A"}]});
    json!({"name": "T", "structure": structure, "agentConfig": {"instructions": instructions, "plan": false}})
}

async fn change(world: &World, path: &str, changes: Value) {
    let (status, answer) = world.call(Method::PATCH, path, Some(changes)).await;
    assert!(status.is_success(), "{answer}");
}

/// An organization with a model and a template; what changes all that it has set up; and where both models are.
async fn organization() -> (World, String, String, [Provider; 2]) {
    let world = World::start().await;
    let providers = [Provider::start(Arc::new(script)).await, Provider::start(Arc::new(script)).await];
    let first = world.post(&format!("/orgs/{}/models", world.org), model("first", &providers[0].url)).await;
    change(&world, &format!("/orgs/{}", world.org), json!({"settings": {"defaultModel": "first"}})).await;
    let template = world.post(&format!("/orgs/{}/templates", world.org), template("Be strict.")).await;
    let (first, template) = (text(&first["id"]), text(&template["id"]));
    (world, first, template, providers)
}

async fn set_up_otherwise(world: &World, model_id: &str, template_id: &str, url: &str) {
    let org = format!("/orgs/{}", world.org);
    world.post(&format!("{org}/models"), model("second", url)).await;
    let policies = json!({"tools": {"list_nodes": "deny", "set_status": "approve", "edit_body": "deny"}});
    let settings = json!({"defaultModel": "second", "allowedModels": ["second"], "agentPolicies": policies});
    change(world, &org, json!({"settings": settings})).await;
    change(world, &format!("{org}/models/{model_id}"), json!({"baseUrl": url, "model": "third"})).await;
    change(world, &format!("/templates/{template_id}"), json!({"agentConfig": {"instructions": "Be kind."}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_its_prompts_tools_and_model_to_its_end_also_with_another_worker() {
    let (world, model_id, template_id, [first, second]) = organization().await;
    let worker = world.worker_of(world.setup(None));
    let run = world.execute(json!({"templateId": template_id})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    set_up_otherwise(&world, &model_id, &template_id, &second.url).await;
    first.gate.add_permits(1);
    let is_asked_again = async || (first.requests().len() == 2).then_some(());
    eventually(is_asked_again).await.expect("the tool may still be used");
    worker.kill();
    world.expire_leases().await;
    let _another = world.worker_of(world.setup(None));
    first.gate.add_permits(2);
    let done = world.until_status(&run, "complete").await;
    assert_eq!(done["model"], "first");
    assert_eq!(world.node(&world.node).await["outputs"][0]["text"], "One.\n\nTwo.\n\nThree.");
    assert_eq!(world.node(&world.node).await["status"], "complete", "nobody was asked for leave");

    let requests = first.requests();
    assert!(requests.len() >= 3 && second.requests().is_empty());
    for request in &requests {
        for pinned in ["model", "tools"] {
            assert_eq!(request[pinned], requests[0][pinned]);
        }
        let told = |request: &Value| request["messages"].as_array().unwrap()[..3].to_vec();
        assert_eq!(told(request), told(&requests[0]));
    }
    assert!(requests[0].to_string().contains("Be strict."));

    // The next one works with what is set up now.
    second.gate.add_permits(2);
    let node = world.new_node("Another task").await;
    world.post(&format!("/nodes/{node}/execute"), json!({"templateId": template_id, "plan": false})).await;
    let asked = async || second.requests().first().map(Value::to_string);
    let asked = eventually(asked).await.expect("the other model is asked");
    assert!(asked.contains("Be kind.") && !asked.contains("list_nodes"), "{asked}");
}
