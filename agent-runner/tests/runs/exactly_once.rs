//! Whatever happens to workers, a run does everything once.

mod left;
mod story;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agent_runner::Probe;
use futures_util::future::join_all;
use serde_json::{Value, json};

use self::left::left_behind;
use self::story::{OFFERED, Story, WHOLE, WITH_RUN_BELOW, see_through, see_through_killed_at};
use crate::provider::{Part, Provider, Reply, is_plan};
use crate::world::World;

/// Of one test, so many moments are tried side by side, each with a server of its own.
const LANES: usize = 2;

/// What the run leaves behind, and how many moments it has.
async fn undisturbed(story: &Story) -> (Value, usize) {
    let mut world = story.world().await;
    let provider = Provider::start(Arc::new(story.script)).await;
    let moments = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&moments);
    let probe = Probe::new(Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }));
    let _worker = world.worker(Some(&provider.url), probe);
    let run = story.begin(&mut world).await;
    see_through(&world, &run).await;
    (left_behind(&world).await, moments.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_what_its_model_said_and_did() {
    let (left, _) = undisturbed(&WHOLE).await;
    let titles: Vec<&Value> = left["nodes"].as_array().unwrap().iter().map(|child| &child["title"]).collect();
    assert_eq!(titles, ["Part one", "Part two", "The task"]);
    assert_eq!(left["nodes"][0]["body"], "Do _this_.");
    let task = &left["nodes"][2];
    assert_eq!(task["body"], "Write about the _cold_ sea.\n\n- Waves\n- Fish");
    let texts: Vec<&str> =
        task["outputs"].as_array().unwrap().iter().filter_map(|output| output["text"].as_str()).collect();
    assert_eq!(texts, ["First, some **bold** words.\n\n- one\n\n## The sea\n\nIt is wide, and deep."], "{left:#}");
    let made = json!([{"filename": "sea.csv", "contentType": "text/csv", "text": "waves\n3\n"}]);
    assert_eq!(left["files"], made);
    let run = &left["runs"][0];
    assert_eq!(run["tokens"], json!([600, 60]));
    let kinds: Vec<&str> = run["trace"].as_array().unwrap().iter().map(|event| event[0].as_str().unwrap()).collect();
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
            "human_input_requested",
            "human_input_received",
            "tool_call",
            "llm_call",
            "tool_call",
            "tool_call",
            "llm_call",
            "execution_complete",
        ]
    );
}

/// Every moment, not a sample: before and after each entry of the journal, and at each part of an answer. They are divided
/// among so many tests, of which this is one.
async fn killed_at_every_moment(story: &Story, test: usize, tests: usize) -> Value {
    let (expected, moments) = undisturbed(story).await;
    assert!(moments > story.moments_min, "only {moments} moments");
    let lanes = (0..LANES).map(async |lane| {
        let mut world = story.world().await;
        let provider = Provider::start(Arc::new(story.script)).await;
        for moment in (test * LANES + lane..moments).step_by(tests * LANES) {
            let run = story.begin(&mut world).await;
            see_through_killed_at(&world, &run, moment, &provider.url).await;
            assert_eq!(left_behind(&world).await, expected, "killed at moment {moment}");
        }
    });
    join_all(lanes).await;
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_1_of_3() {
    killed_at_every_moment(&WHOLE, 0, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_2_of_3() {
    killed_at_every_moment(&WHOLE, 1, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_left_3_of_3() {
    killed_at_every_moment(&WHOLE, 2, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_what_is_offered() {
    let left = killed_at_every_moment(&OFFERED, 0, 1).await;
    let task = &left["nodes"][0];
    assert_eq!((&task["body"], &task["outputs"]), (&json!("Write about the sea."), &json!([])));
    assert_eq!(task["proposals"].as_array().unwrap().len(), 3, "{left:#}");
}

async fn killed_with_run_below(test: usize, tests: usize) {
    let left = killed_at_every_moment(&WITH_RUN_BELOW, test, tests).await;
    let runs = left["runs"].as_array().unwrap().iter().map(|run| json!([run["node"], run["depth"]]));
    let expected = json!([["Below", 1], ["The task", 0]]);
    assert_eq!(runs.collect::<Value>(), expected, "one run on the node that was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_the_run_that_was_begun_1_of_2() {
    killed_with_run_below(0, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_changes_nothing_of_the_run_that_was_begun_2_of_2() {
    killed_with_run_below(1, 2).await;
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

    // What the first one had of the answer was used as well.
    let calls: Vec<Value> = world.trace(&run).await.into_iter().filter(|event| event["type"] == "llm_call").collect();
    let told: Vec<Value> =
        calls.iter().map(|call| json!([call["data"]["finish"], call["data"]["usage"]["estimated"]])).collect();
    assert_eq!(told, [json!(["stop", false]), json!(["broken_off", true]), json!(["stop", false])]);
    let sum = |field: &str| calls.iter().map(|call| call[field].as_u64().unwrap()).sum::<u64>();
    let done = world.execution(&run).await;
    assert_eq!([&done["tokensIn"], &done["tokensOut"]], [&json!(sum("tokensIn")), &json!(sum("tokensOut"))]);
    assert!(calls[1]["tokensIn"].as_u64() > Some(0) && calls[1]["tokensOut"].as_u64() > Some(0), "{calls:#?}");
    let booked =
        format!("SELECT used = {} AND reserved = 0 FROM agent_token_usage", sum("tokensIn") + sum("tokensOut"));
    assert!(world.database.is_so(&booked).await);
}
