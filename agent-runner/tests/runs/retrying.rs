//! Runs that failed and are tried again, and models that stand in for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_runner::Probe;
use http::Method;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::{World, text};

async fn text_of(world: &World) -> String {
    text(&world.node(&world.node).await["outputs"][0]["text"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_goes_on_where_it_failed_and_does_nothing_twice() {
    let is_repaired = Arc::new(AtomicBool::new(false));
    let repaired = Arc::clone(&is_repaired);
    let script = move |request: &Value, before: usize| match (results(request), before) {
        (0, _) => Reply::Parts(vec![
            Part::Text("The first part.\n\n"),
            Part::Tool("create_subnode", json!({"title": "Below", "author_type": "human"})),
        ]),
        (_, 1) => Reply::Parts(vec![Part::Text("A **half"), Part::Break]),
        _ if !repaired.load(Ordering::SeqCst) => Reply::Status(400, None),
        _ => Reply::Parts(vec![Part::Text("A **whole** sentence.")]),
    };
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let failed = world.until_status(&run, "failed").await;
    assert_eq!(failed["error"]["code"], "MODEL_REFUSED");

    world.post(&format!("/executions/{run}/retry"), json!({})).await;
    let again = world.until(&run, |run| run["status"] == "failed" && run["completedAt"] != failed["completedAt"]).await;
    assert_eq!(again["error"]["code"], "MODEL_REFUSED", "it is as wrong as before");
    is_repaired.store(true, Ordering::SeqCst);
    world.post(&format!("/executions/{run}/retry"), json!({})).await;
    let done = world.until_status(&run, "complete").await;
    assert_eq!(done["error"], Value::Null);
    assert_eq!(text_of(&world).await, "The first part.\n\nA **whole** sentence.");
    assert_eq!(world.node(&world.node).await["outputs"].as_array().unwrap().len(), 1);
    assert_eq!(world.listed(2).await.len(), 2, "the node was made once");
    let trace = world.trace(&run).await;
    let retried = trace.iter().filter(|event| event["data"]["decision"] == "retried").count();
    assert_eq!(retried, 2, "{trace:#?}");
    // What broke off was used as well: three answers of which the provider told, and an estimate of the half one.
    assert!(done["tokensIn"].as_u64() > Some(200), "{done:#}");
    // The node is free for another one.
    world.execute(json!({"plan": false})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_output_was_removed_makes_another_one_when_it_is_tried_again() {
    let script = |_: &Value, before: usize| match before {
        0 => Reply::Parts(vec![Part::Text("Some words"), Part::Gate, Part::Text(", and more.")]),
        _ => Reply::Parts(vec![Part::Text("All of it.")]),
    };
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let writing = world.until(&run, |run| run["outputItemId"].is_string()).await;
    let path = format!("/nodes/{}/outputs/{}", world.node, text(&writing["outputItemId"]));
    let (status, answer) = world.call(Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{answer}");
    provider.gate.add_permits(1);
    let failed = world.until_status(&run, "failed").await;
    assert_eq!(failed["error"]["code"], "OUTPUT_REMOVED");
    assert!(failed["tokensIn"].as_u64() > Some(0), "what was said was paid for: {failed:#}");
    let is_settled = "SELECT used > 0 AND reserved = 0 FROM agent_token_usage";
    assert!(world.database.is_so(is_settled).await);
    world.post(&format!("/executions/{run}/retry"), json!({})).await;
    world.until_status(&run, "complete").await;
    assert_eq!(text_of(&world).await, "All of it.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_stands_in_for_one_that_keeps_failing_and_the_next_run_asks_it_at_once() {
    let world = World::start().await;
    let broken = Provider::start(Arc::new(|_: &Value, _| Reply::Status(503, None))).await;
    let sound = Provider::start(Arc::new(|_: &Value, _| Reply::Parts(vec![Part::Text("Done.")]))).await;
    let model = |name: &str, url: &str, fallbacks: Value| {
        json!({"name": name, "baseUrl": url, "model": name, "contextTokens": 50_000, "outputTokens": 1_000,
            "usdPerMillionIn": 1.0, "usdPerMillionOut": 2.0, "fallbacks": fallbacks})
    };
    let path = format!("/orgs/{}/models", world.org);
    world.post(&path, model("second", &sound.url, json!([]))).await;
    world.post(&path, model("first", &broken.url, json!(["second"]))).await;
    let _worker = world.worker(None, Probe::default());
    let run = world.execute(json!({"plan": false, "model": "first"})).await;
    let done = world.until_status(&run, "complete").await;
    assert_eq!((broken.requests().len(), sound.requests().len()), (3, 1));
    assert_eq!(done["model"], "second");
    assert_eq!(done["estimatedCostUsd"], "0.00012", "100 tokens in, 10 out");

    let node = world.new_node("Another").await;
    let next = world.post(&format!("/nodes/{node}/execute"), json!({"plan": false, "model": "first"})).await;
    world.until_status(&text(&next["id"]), "complete").await;
    assert_eq!((broken.requests().len(), sound.requests().len()), (3, 2), "it is left alone for a while");
    let errors = world.trace(&text(&next["id"])).await.iter().filter(|event| event["type"] == "error").count();
    assert_eq!(errors, 0, "nothing has failed in this run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_provider_repeats_is_shown_to_nobody() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(|_: &Value, _| Reply::Words(401, "the key sk-test is not known"))).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let failed = world.until_status(&run, "failed").await;
    assert!(text(&failed["error"]["message"]).contains("the key [key] is not known"), "{failed:#}");
    let everything = json!([failed, world.trace(&run).await, world.get("/notifications").await]).to_string();
    assert!(!everything.contains("sk-test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizations_own_endpoint_knows_the_models_that_are_not_set_up() {
    let world = World::start().await;
    let says = |_: &Value, _| Reply::Parts(vec![Part::Text("From our own machine.")]);
    let provider = Provider::start(Arc::new(says)).await;
    let _worker = world.worker(None, Probe::default());
    let settings = json!({"settings": {"selfHostedEndpoint": provider.url, "defaultModel": "house-model"}});
    let (status, answer) = world.call(Method::PATCH, &format!("/orgs/{}", world.org), Some(settings)).await;
    assert!(status.is_success(), "{answer}");
    let run = world.execute(json!({"plan": false})).await;
    let done = world.until_status(&run, "complete").await;
    assert_eq!(provider.requests()[0]["model"], "house-model");
    assert_eq!((&done["model"], &done["estimatedCostUsd"]), (&json!("house-model"), &Value::Null), "{done}");
}
