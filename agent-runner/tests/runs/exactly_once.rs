//! Whatever happens to workers, a run does everything once.

use std::sync::Arc;
use std::time::Duration;

use agent_runner::Probe;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, is_plan, results};
use crate::world::{World, stop_at, text};

/// A run with a plan, two nodes, a question, an output and text before and after.
fn script(request: &Value, _: usize) -> Reply {
    if is_plan(request) {
        return Reply::Parts(vec![Part::Text("1. Divide\n"), Part::Text("2. Write")]);
    }
    Reply::Parts(match results(request) {
        0 => vec![
            Part::Text("First, some "),
            Part::Text("**bold** words.\n\n- one\n"),
            Part::Tool(
                "create_subnode",
                json!({"title": "Part one", "description": "Do *this*.", "author_type": "human",
                "inputs": [{"type": "text", "content": "a text"}]}),
            ),
            Part::Tool("create_subnode", json!({"title": "Part two", "author_type": "agent"})),
        ],
        2 => vec![Part::Tool("request_human_input", json!({"question": "Which sea?", "options": ["North", "South"]}))],
        3 => vec![Part::Tool(
            "add_output",
            json!({"type": "structured_data", "label": "Facts", "content": {"waves": 3}}),
        )],
        _ => vec![Part::Text("## The sea\n\nIt is "), Part::Text("wide, and "), Part::Text("deep.")],
    })
}

/// What the run left behind, without what differs from run to run: times, and ids.
async fn left_behind(world: &World, run: &str) -> Value {
    let node = world.node(&world.node).await;
    let strip = |item: &Value| json!({"label": item["label"], "type": item["type"], "text": item["text"], "data": item["data"]});
    let outputs: Vec<Value> = node["outputs"].as_array().unwrap().iter().map(strip).collect();
    let mut children = Vec::new();
    for child in world.on_canvas().await {
        let child = world.node(&child).await;
        let inputs: Vec<Value> = child["inputs"].as_array().unwrap().iter().map(strip).collect();
        children.push(
            json!({"title": child["title"], "body": child["body"], "inputs": inputs, "author": child["authorType"]}),
        );
    }
    children.sort_by_key(|child| text(&child["title"]));
    let trace: Vec<Value> = world
        .trace(run)
        .await
        .iter()
        .map(|event| {
            json!([
                event["type"],
                event["seq"],
                event["tokensIn"],
                event["tokensOut"],
                event["data"]["tool"],
                event["data"]["finish"]
            ])
        })
        .collect();
    let execution = world.execution(run).await;
    let questions: Vec<Value> = world
        .live()
        .await
        .questions
        .iter()
        .map(|question| json!([question.question, question.status, question.answer]))
        .collect();
    json!({
        "questions": questions, "outputs": outputs, "children": children, "trace": trace, "status": execution["status"],
        "tokens": [execution["tokensIn"], execution["tokensOut"]],
    })
}

/// Answers the run's question once it asks, and waits for its end.
async fn see_through(world: &World, run: &str) {
    let asked = world.until(run, |run| run["status"] == "awaiting_input" || run["status"] == "complete").await;
    if asked["status"] == "awaiting_input" {
        let answer = json!({"questionId": asked["question"]["id"], "response": "North"});
        world.post(&format!("/executions/{run}/input"), answer).await;
    }
    world.until_status(run, "complete").await;
}

async fn undisturbed() -> (Value, usize) {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let moments = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&moments);
    let probe = Probe::new(Arc::new(move |_| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async {})
    }));
    let _worker = world.worker(Some(&provider.url), probe);
    let run = world.execute(json!({})).await;
    see_through(&world, &run).await;
    (left_behind(&world, &run).await, moments.load(std::sync::atomic::Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_what_its_model_said_and_did() {
    let (left, _) = undisturbed().await;
    let texts: Vec<&str> =
        left["outputs"].as_array().unwrap().iter().filter_map(|output| output["text"].as_str()).collect();
    assert_eq!(texts, ["First, some **bold** words.\n\n- one\n\n## The sea\n\nIt is wide, and deep."], "{left:#}");
    let titles: Vec<&Value> = left["children"].as_array().unwrap().iter().map(|child| &child["title"]).collect();
    assert_eq!(titles, ["Part one", "Part two", "The task"]);
    assert_eq!(left["children"][0]["body"], "Do _this_.");
    assert_eq!(left["tokens"], json!([500, 50]));
    let kinds: Vec<&str> = left["trace"].as_array().unwrap().iter().map(|event| event[0].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "execution_start",
            "llm_call",
            "decision",
            "llm_call",
            "tool_call",
            "tool_call",
            "llm_call",
            "tool_call",
            "human_input_requested",
            "human_input_received",
            "llm_call",
            "tool_call",
            "llm_call",
            "execution_complete",
        ]
    );
}

/// Every moment, not a sample: before and after each entry of the journal, and at each part of an answer.
async fn killed_at_every_moment_of(part: usize) {
    let (expected, moments) = undisturbed().await;
    assert!(moments > 40, "only {moments} moments");
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let mut world = world;
    for moment in (part..moments).step_by(PARTS) {
        world.project =
            text(&world.post(&format!("/orgs/{}/projects", world.org), json!({"name": "Again"})).await["id"]);
        world.node = world.new_node("The task").await;
        let run = world.execute(json!({})).await;
        let (probe, reached) = stop_at(moment);
        let worker = world.worker(Some(&provider.url), probe);
        let answering = async {
            let asked = world.until_status(&run, "awaiting_input").await;
            let answer = json!({"questionId": asked["question"]["id"], "response": "North"});
            world.post(&format!("/executions/{run}/input"), answer).await;
            // How many moments there are depends on how the answers were divided: this one may have had fewer.
            world.until_status(&run, "complete").await;
        };
        tokio::select! {
            () = reached.notified() => {}
            () = answering => {}
        }
        worker.kill();
        world.expire_lease(&run).await;
        let next = world.worker(Some(&provider.url), Probe::default());
        see_through(&world, &run).await;
        let left = left_behind(&world, &run).await;
        assert_eq!(left, expected, "killed at moment {moment}");
        next.kill();
    }
}

/// The moments are divided among tests that run side by side.
const PARTS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_1_of_4() {
    killed_at_every_moment_of(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_2_of_4() {
    killed_at_every_moment_of(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_3_of_4() {
    killed_at_every_moment_of(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_4_of_4() {
    killed_at_every_moment_of(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_leaves_hands_its_runs_over_at_once() {
    let world = World::start().await;
    let script = |request: &Value, _: usize| {
        if is_plan(request) {
            return Reply::Parts(vec![Part::Text("plan")]);
        }
        Reply::Parts(vec![Part::Text("one "), Part::Text("two "), Part::Gate, Part::Text("three")])
    };
    let provider = Provider::start(Arc::new(script)).await;
    let first = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({})).await;
    world.until(&run, |run| run["outputItemId"].is_string()).await;
    let since = std::time::Instant::now();
    let _second = world.worker(Some(&provider.url), Probe::default());
    first.leave().await;
    provider.gate.add_permits(2);
    world.until_status(&run, "complete").await;
    assert!(since.elapsed() < Duration::from_secs(10), "a lease had to run out");
    let node = world.node(&world.node).await;
    assert_eq!(node["outputs"][0]["text"], "one two three");
}
