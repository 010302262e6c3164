//! Models that fail, and models that do what they should not.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agent_runner::Probe;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, is_plan, results};
use crate::world::{World, eventually};

/// A run without a plan of a model that follows a script.
async fn run(script: impl Fn(&Value, usize) -> Reply + Send + Sync + 'static) -> (World, Provider, String) {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["completedAt"].is_string()).await;
    drop(worker);
    (world, provider, run)
}

async fn text_of(world: &World) -> String {
    world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let (world, provider, run) = run(move |_, before| {
        times.lock().unwrap().push(Instant::now());
        match before {
            0 => Reply::Status(429, Some(1)),
            1 => Reply::Status(503, None),
            _ => Reply::Parts(vec![Part::Text("at last")]),
        }
    })
    .await;
    let times = asked.lock().unwrap().clone();
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_secs(1)), "{pauses:?}");
    assert_eq!(provider.requests().len(), 3);
    assert_eq!(text_of(&world).await, "at last");
    let trace = world.trace(&run).await;
    let errors: Vec<&Value> = trace.iter().filter(|event| event["type"] == "error").collect();
    assert_eq!(errors.len(), 2);
    assert_eq!(
        (&errors[0]["data"]["code"], &errors[1]["data"]["code"]),
        (&json!("MODEL_RATE_LIMITED"), &json!("MODEL_UNAVAILABLE"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_asked_for_again_and_nothing_stands_there_twice() {
    let (world, _, run) = run(|_, before| match before {
        0 => Reply::Parts(vec![Part::Text("The beginning, "), Part::Text("the middle, "), Part::Break]),
        _ => Reply::Parts(vec![Part::Text("The beginning, "), Part::Text("another middle, "), Part::Text("the end.")]),
    })
    .await;
    assert_eq!(world.execution(&run).await["status"], "complete");
    assert_eq!(text_of(&world).await, "The beginning, another middle, the end.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_keeps_failing_fails_the_run_and_says_why() {
    let (world, provider, run) = run(|_, _| Reply::Status(401, None)).await;
    let execution = world.execution(&run).await;
    assert_eq!((&execution["status"], &execution["error"]["code"]), (&json!("failed"), &json!("MODEL_UNAUTHORIZED")));
    assert_eq!(provider.requests().len(), 1, "a wrong key does not become right");
    assert_eq!(execution["estimatedCostUsd"], "0.00", "nothing was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cost_that_is_not_known_is_not_nothing() {
    let (world, _, run) = run(|_, _| Reply::Parts(vec![Part::Text("done")])).await;
    let execution = world.execution(&run).await;
    assert_eq!((&execution["tokensIn"], &execution["tokensOut"]), (&json!(100), &json!(10)));
    assert_eq!(execution["estimatedCostUsd"], Value::Null, "the price of tokens out is not configured");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_is_cut_at_the_limit() {
    let (world, provider, run) = run(|_, _| Reply::Endless).await;
    let execution = world.execution(&run).await;
    assert_eq!(execution["status"], "failed", "{execution}");
    assert!(provider.requests().len() < 30);
    assert!(text_of(&world).await.len() < 1_000_000);
    assert!(execution["tokensOut"].as_u64() <= Some(400_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_call_is_answered_with_what_is_wrong_and_the_model_may_do_better() {
    let (world, provider, run) = run(|request, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("rm_rf", json!({})), Part::Tool("create_subnode", json!({"title": 7}))],
            2 => vec![Part::Tool("set_status", json!({"status": "no such state"}))],
            3 => vec![Part::Tool(
                "add_output",
                json!({"type": "structured_data", "content": {"n": "x"},
                "schema": {"type": "object", "properties": {"n": {"type": "number"}}}}),
            )],
            4 => vec![Part::Tool("set_status", json!({"status": "complete"}))],
            _ => vec![Part::Text("done")],
        })
    })
    .await;
    assert_eq!(world.execution(&run).await["status"], "complete");
    let codes: Vec<Value> = world
        .trace(&run)
        .await
        .iter()
        .filter(|event| event["type"] == "tool_call")
        .map(|event| event["data"]["error"]["code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            json!("UNKNOWN_TOOL"),
            json!("INVALID_ARGUMENTS"),
            json!("NOT_POSSIBLE"),
            json!("INVALID_ARGUMENTS"),
            Value::Null
        ]
    );
    let told = provider.requests()[1]["messages"].to_string();
    assert!(told.contains("/title"), "{told}");
    assert_eq!(world.node(&world.node).await["status"], "complete");
}

/// A schema whose check takes 2^40 steps: each definition refers to the next one twice.
fn endless_schema() -> Value {
    let mut definitions = serde_json::Map::from_iter([("a40".to_owned(), json!({}))]);
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
        definitions.insert(format!("a{level}"), json!({"allOf": [next, next]}));
    }
    json!({"$defs": definitions, "$ref": "#/$defs/a0"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_asks_for_years_of_work_is_refused_and_the_run_goes_on() {
    let (world, _, run) = run(|request, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool(
                "add_output",
                json!({"type": "structured_data", "content": {"n": 1}, "schema": endless_schema()}),
            )],
            _ => vec![Part::Text("done")],
        })
    })
    .await;
    assert_eq!(world.execution(&run).await["status"], "complete");
    let refused = world.trace(&run).await.into_iter().find(|event| event["type"] == "tool_call").unwrap();
    assert_eq!(refused["data"]["error"]["code"], "INVALID_ARGUMENTS");
    assert!(refused["durationMs"].as_u64() < Some(1_000), "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_takes_too_long_is_given_up_and_the_model_is_told() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(|request: &Value, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Text("Let me see."), Part::Gate, Part::Tool("search", json!({"query": "herrings"}))],
            _ => vec![Part::Text("I did not find any.")],
        })
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    let busy = world.database.sabotage("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6); COMMIT");
    let searched_meanwhile = async {
        let is_locked = "SELECT EXISTS (SELECT FROM pg_locks
            WHERE relation = 'nodes'::regclass AND mode = 'AccessExclusiveLock' AND granted)";
        eventually(async || world.database.is_so(is_locked).await.then_some(())).await.expect("it is locked");
        provider.gate.add_permits(1);
    };
    tokio::join!(busy, searched_meanwhile);
    let searched = async || {
        let trace = world.trace(&run).await;
        trace.iter().find_map(|event| event["data"]["error"]["code"].as_str().map(str::to_owned))
    };
    assert_eq!(eventually(searched).await.as_deref(), Some("TIMED_OUT"));
    world.until_status(&run, "complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_too_long_to_open_is_given_up_and_the_model_is_told() {
    let world = World::start().await;
    let other = world.new_node("Another").await;
    let asked = other.clone();
    let provider = Provider::start(Arc::new(move |request: &Value, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Text("Let me see."), Part::Gate, Part::Tool("access_node", json!({"node_id": asked}))],
            1 => vec![Part::Gate, Part::Tool("access_node", json!({"node_id": asked}))],
            _ => vec![Part::Text("I have read it.")],
        })
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    let busy =
        world.database.sabotage("BEGIN; LOCK TABLE org_members IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6); COMMIT");
    let read_meanwhile = async {
        let is_locked = "SELECT EXISTS (SELECT FROM pg_locks
            WHERE relation = 'org_members'::regclass AND mode = 'AccessExclusiveLock' AND granted)";
        eventually(async || world.database.is_so(is_locked).await.then_some(())).await.expect("it is locked");
        provider.gate.add_permits(1);
    };
    tokio::join!(busy, read_meanwhile);
    let read = async || {
        let trace = world.trace(&run).await;
        trace.iter().find_map(|event| event["data"]["error"]["code"].as_str().map(str::to_owned))
    };
    assert_eq!(eventually(read).await.as_deref(), Some("TIMED_OUT"));
    provider.gate.add_permits(1);
    world.until_status(&run, "complete").await;
    let told = provider.requests()[2]["messages"].to_string();
    assert!(told.contains("Write about the sea."), "it can be opened later: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_wants_its_limit_by_the_newer_name_gets_it() {
    const WORDS: &str =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    let (world, provider, run) = run(|request, _| {
        if request.get("max_tokens").is_some() {
            return Reply::Words(400, WORDS);
        }
        Reply::Parts(vec![Part::Text("done")])
    })
    .await;
    assert_eq!(world.execution(&run).await["status"], "complete");
    let limits: Vec<Value> =
        provider.requests().iter().map(|request| request["max_completion_tokens"].clone()).collect();
    assert_eq!(limits, [Value::Null, json!(2_000)]);
    assert!(world.trace(&run).await.iter().all(|event| event["type"] != "error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_talked_into_it_reads_nothing_of_other_projects() {
    let world = World::start().await;
    let other = world.post(&format!("/orgs/{}/projects", world.org), json!({"name": "Secret"})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let secret = world.post(&format!("/projects/{other}/nodes"), json!({"title": "Salaries", "body": "Ada: 1"})).await
        ["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asked = secret.clone();
    let provider = Provider::start(Arc::new(move |request: &Value, _| {
        Reply::Parts(match results(request) {
            0 => vec![
                Part::Tool("access_node", json!({"node_id": asked})),
                Part::Tool("access_node", json!({"node_id": "../../etc/passwd"})),
                Part::Tool("set_status", json!({"status": "complete", "node_id": asked})),
            ],
            _ => vec![Part::Text("nothing")],
        })
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
    let said = provider.requests()[1]["messages"].to_string();
    assert!(!said.contains("Salaries") && said.contains("NODE_NOT_FOUND"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_not_exceeded_and_calls_at_the_same_time_share_a_month() {
    let world = World::start().await;
    world.set_policies(json!({"maxTokensPerMonth": 9_000})).await;
    let provider = Provider::start(Arc::new(|request: &Value, _| {
        if is_plan(request) {
            Reply::Parts(vec![Part::Text("plan")])
        } else {
            Reply::Parts(vec![Part::Gate, Part::Text("done")])
        }
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let mut runs = Vec::new();
    for _ in 0..4 {
        let node = world.new_node("One of many").await;
        runs.push(
            world.post(&format!("/nodes/{node}/execute"), json!({"plan": false})).await["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let decided = async || {
        let mut refused = 0;
        for run in &runs {
            refused += usize::from(world.execution(run).await["error"]["code"] == "ORGANIZATION_BUDGET_EXCEEDED");
        }
        (provider.requests().len() + refused == runs.len()).then_some(refused)
    };
    let refused = eventually(decided).await.expect("each run calls its model, or may not");
    assert!(refused > 0, "each call reserves some 4,500 tokens of 9,000");
    provider.gate.add_permits(10);
    for run in &runs {
        world.until(run, |run| run["completedAt"].is_string()).await;
    }
    let is_settled = "SELECT bool_and(used BETWEEN 1 AND 9000 AND reserved = 0) FROM agent_token_usage";
    assert!(world.database.is_so(is_settled).await);
}
