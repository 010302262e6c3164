//! Stopping runs, for a while and for good; and what becomes of a worker that lost its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use agent_runner::{Moment, Probe};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::provider::{Part, Provider, Reply, is_plan, results};
use crate::world::{World, eventually};

/// How long a worker that has lost its lease is given to write something.
const TIME_TO_WRITE: Duration = Duration::from_secs(3);

fn gated(request: &Value, _: usize) -> Reply {
    if is_plan(request) {
        return Reply::Parts(vec![Part::Text("plan")]);
    }
    let goes_on = request["messages"]
        .as_array()
        .unwrap()
        .iter()
        .any(|message| message["content"].as_str().is_some_and(|text| text.starts_with("You were cut off")));
    Reply::Parts(if goes_on {
        vec![Part::Text("and goes on.")]
    } else {
        vec![Part::Text("What people "), Part::Text("saw stays, "), Part::Gate, Part::Text("never said")]
    })
}

/// Waits until the beginning of what [`gated`] says stands in the document.
pub(crate) async fn writing(world: &World, run: &str) {
    world.until(run, |run| run["outputItemId"].is_string()).await;
    let is_written = async || {
        let node = world.node(&world.node).await;
        node["outputs"][0]["text"].as_str().is_some_and(|text| text.contains("saw stays")).then_some(())
    };
    eventually(is_written).await.expect("what the model says is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_takes_effect_within_a_second_and_what_people_saw_stays() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(gated)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({})).await;
    writing(&world, &run).await;
    let since = Instant::now();
    world.post(&format!("/executions/{run}/cancel"), json!({})).await;
    world.until_status(&run, "cancelled").await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "What people saw stays,\n\n_Unfinished: this run was cancelled._");
    let (status, _) = world.call(Method::POST, &format!("/executions/{run}/resume"), Some(json!({}))).await;
    assert_eq!(status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_holds_no_worker_and_goes_on_where_it_was() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(gated)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({})).await;
    writing(&world, &run).await;
    let since = Instant::now();
    world.post(&format!("/executions/{run}/pause"), json!({})).await;
    world.until_status(&run, "paused").await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    world.post(&format!("/executions/{run}/resume"), json!({})).await;
    world.until_status(&run, "complete").await;
    let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "What people saw stays,\n\nand goes on.");
}

/// Lets moments pass until it is told to count; then the one of this number is the last.
fn stop_when_told(number: usize) -> (Probe, Arc<AtomicBool>, Arc<Notify>) {
    let (is_told, seen, reached) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (told, notify) = (Arc::clone(&is_told), Arc::clone(&reached));
    let probe = Probe::new(Arc::new(move |moment| {
        let counts = told.load(Ordering::SeqCst) && moment != Moment::Delta;
        let at = if counts { Some(seen.fetch_add(1, Ordering::SeqCst)) } else { None };
        let notify = Arc::clone(&notify);
        Box::pin(async move {
            if at == Some(number) {
                notify.notify_one();
                std::future::pending::<()>().await;
            }
        })
    }));
    (probe, is_told, reached)
}

/// A worker stops between noting and being done with it, at the moment of this number after the run was told to stop.
async fn killed_while_it_is_stopped(wish: &str, status: &str, moment: usize) -> Option<(World, String, Provider)> {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(gated)).await;
    let (probe, is_told, reached) = stop_when_told(moment);
    let first = world.worker(Some(&provider.url), probe);
    let run = world.execute(json!({"plan": false})).await;
    writing(&world, &run).await;
    is_told.store(true, Ordering::SeqCst);
    world.post(&format!("/executions/{run}/{wish}"), json!({})).await;
    tokio::select! {
        () = reached.notified() => {}
        _ = world.until_status(&run, status) => return None,
    }
    first.kill();
    world.expire_lease(&run).await;
    let _second = world.worker(Some(&provider.url), Probe::default());
    world.until_status(&run, status).await;
    Some((world, run, provider))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_says_so_once_whenever_its_worker_is_killed() {
    let mut moment = 0;
    while let Some((world, _, _)) = killed_while_it_is_stopped("cancel", "cancelled", moment).await {
        let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(text, "What people saw stays,\n\n_Unfinished: this run was cancelled._", "moment {moment}");
        moment += 1;
    }
    assert!(moment > 2, "only {moment} moments");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_paused_goes_on_where_it_was_whenever_its_worker_is_killed() {
    let mut moment = 0;
    while let Some((world, run, provider)) = killed_while_it_is_stopped("pause", "paused", moment).await {
        let _worker = world.worker(Some(&provider.url), Probe::default());
        world.post(&format!("/executions/{run}/resume"), json!({})).await;
        world.until_status(&run, "complete").await;
        let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(text, "What people saw stays,\n\nand goes on.", "moment {moment}");
        moment += 1;
    }
    assert!(moment > 0, "only {moment} moments");
}

/// Holds the worker before it notes the entry of this number, until it may go on.
fn held_before(seq: i32) -> (Probe, Arc<Notify>, Arc<Notify>) {
    let [held, go_on] = [(); 2].map(|()| Arc::new(Notify::new()));
    let signals = [&held, &go_on].map(Arc::clone);
    let probe = Probe::new(Arc::new(move |moment| {
        let [held, go_on] = signals.clone();
        Box::pin(async move {
            if moment == Moment::BeforeAppend(seq) {
                held.notify_one();
                go_on.notified().await;
            }
        })
    }));
    (probe, held, go_on)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_while_it_notes_a_question_does_not_wait_for_an_answer() {
    let world = World::start().await;
    let script =
        |_: &Value, _: usize| Reply::Parts(vec![Part::Tool("request_human_input", json!({"question": "Which sea?"}))]);
    let provider = Provider::start(Arc::new(script)).await;
    // Begun, analyzed, the call and its end, the tool, the question in the document; that it waits.
    let (probe, held, go_on) = held_before(7);
    let _worker = world.worker(Some(&provider.url), probe);
    let run = world.execute(json!({"plan": false})).await;
    held.notified().await;
    world.post(&format!("/executions/{run}/cancel"), json!({})).await;
    go_on.notify_one();
    world.until_status(&run, "cancelled").await;
    let asked = world.trace(&run).await.into_iter().any(|event| event["type"] == "human_input_requested");
    assert!(asked, "it was cancelled before it asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_resumed_before_its_pause_is_noted_goes_on() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(gated)).await;
    let (stop, stopped, go_on) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&stop), Arc::clone(&stopped), Arc::clone(&go_on));
    let probe = Probe::new(Arc::new(move |moment| {
        let (stop, stopped, go_on) = signals.clone();
        Box::pin(async move {
            if matches!(moment, Moment::BeforeAppend(_)) && stop.swap(false, Ordering::SeqCst) {
                stopped.notify_one();
                go_on.notified().await;
            }
        })
    }));
    let _worker = world.worker(Some(&provider.url), probe);
    let run = world.execute(json!({"plan": false})).await;
    writing(&world, &run).await;
    stop.store(true, Ordering::SeqCst);
    world.post(&format!("/executions/{run}/pause"), json!({})).await;
    stopped.notified().await;
    world.post(&format!("/executions/{run}/resume"), json!({})).await;
    go_on.notify_one();
    world.until_status(&run, "complete").await;
    let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "What people saw stays,\n\nand goes on.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_paused_between_two_tries_keeps_what_people_saw_and_goes_on_behind_it() {
    let world = World::start().await;
    let script = |request: &Value, before: usize| match before {
        0 => Reply::Parts(vec![Part::Text("What people "), Part::Text("saw stays, "), Part::Gate, Part::Break]),
        1 => Reply::Status(429, Some(60)),
        _ => gated(request, before),
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    writing(&world, &run).await;
    provider.gate.add_permits(1);
    let refused = async || (provider.requests().len() == 2).then_some(());
    eventually(refused).await.expect("it is asked again");
    world.post(&format!("/executions/{run}/pause"), json!({})).await;
    world.until_status(&run, "paused").await;
    world.post(&format!("/executions/{run}/resume"), json!({})).await;
    world.until_status(&run, "complete").await;
    let text = world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "What people saw stays,\n\nand goes on.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_picked_up_at_once() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(gated)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    // The worker listens by now, once it has driven one.
    let node = world.node.clone();
    let first = world.execute(json!({})).await;
    writing(&world, &first).await;
    world.post(&format!("/executions/{first}/cancel"), json!({})).await;
    world.until_status(&first, "cancelled").await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        let other = world.new_node("Another").await;
        let since = Instant::now();
        let run = world.post(&format!("/nodes/{other}/execute"), json!({})).await["id"].as_str().unwrap().to_owned();
        world.until(&run, |run| run["startedAt"].is_string()).await;
        waits.push(since.elapsed());
    }
    waits.sort();
    assert!(waits[2] < Duration::from_millis(250), "{waits:?} for {node}");
}

/// A worker that was stopped between noting and sending, and comes to when another one has taken its run.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_writes_not_another_byte() {
    let world = World::start().await;
    let script = |request: &Value, _: usize| {
        if is_plan(request) { Reply::Parts(vec![Part::Text("plan")]) } else { Reply::Parts(vec![Part::Text("Once.")]) }
    };
    let provider = Provider::start(Arc::new(script)).await;
    let [wake, stopped, went_on] = std::array::from_fn(|_| Arc::new(tokio::sync::Notify::new()));
    let signals = [&wake, &stopped, &went_on].map(Arc::clone);
    let probe = Probe::new(Arc::new(move |moment| {
        let [wake, stopped, went_on] = signals.clone();
        Box::pin(async move {
            match moment {
                // The entry with which the text is noted: begun, analyzed, two of the plan, the call, the text.
                Moment::AfterAppend(6) => {
                    stopped.notify_one();
                    wake.notified().await;
                }
                // It has sent its edit by now, and wants to note the next.
                Moment::BeforeAppend(7) => went_on.notify_one(),
                _ => {}
            }
        })
    }));
    let first = world.worker(Some(&provider.url), probe);
    let run = world.execute(json!({})).await;
    stopped.notified().await;
    world.expire_lease(&run).await;
    let _second = world.worker(Some(&provider.url), Probe::default());
    world.until_status(&run, "complete").await;
    let before = world.get(&format!("/documents/node:{}/history/sessions", world.node)).await;
    wake.notify_one();
    // Unless it hears before that the lease is lost.
    let _ = timeout(TIME_TO_WRITE, went_on.notified()).await;
    first.leave().await;
    assert_eq!(world.node(&world.node).await["outputs"][0]["text"], "Once.");
    assert_eq!(world.node(&world.node).await["outputs"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&format!("/documents/node:{}/history/sessions", world.node)).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_a_run_has_begun_are_cancelled_with_it() {
    let world = World::start().await;
    let script = |request: &Value, _: usize| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("create_subnode", json!({"title": "Below", "author_type": "agent"}))],
            _ => vec![Part::Text("Some words, "), Part::Gate, Part::Text("never said")],
        })
    };
    let provider = Provider::start(Arc::new(script)).await;
    let worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false, "subnodes": "run"})).await;
    let path = format!("/projects/{}/executions?limit=100", world.project);
    let all = async |is_so: fn(&Value) -> bool| {
        let runs = world.get(&path).await["items"].as_array().unwrap().clone();
        (runs.len() == 3 && runs.iter().all(is_so)).then_some(())
    };
    eventually(async || all(|run| run["outputItemId"].is_string()).await).await.expect("all of them write");
    world.post(&format!("/executions/{run}/cancel"), json!({})).await;
    eventually(async || all(|run| run["status"] == "cancelled").await).await.expect("all of them stop");
    worker.leave().await;

    // One that nobody has taken up yet stops at once, and takes with it what it began before it failed.
    let waiting = world.execute(json!({"plan": false})).await;
    world.database.sabotage(&format!("UPDATE agent_executions SET parent_id = '{waiting}', status = 'paused', completed_at = NULL WHERE depth = 1")).await;
    world.post(&format!("/executions/{waiting}/cancel"), json!({})).await;
    let asked = "SELECT control = 'cancel' FROM agent_executions WHERE depth = 1";
    assert!(world.database.is_so(asked).await);
}

/// What was made for an agent is run at once if that was asked for, and no deeper than runs may stand.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_a_run_makes_for_agents_are_run_up_to_a_depth() {
    let world = World::start().await;
    let script = |request: &Value, _: usize| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("create_subnode", json!({"title": "Below", "author_type": "agent"}))],
            _ => vec![Part::Text("Done.")],
        })
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false, "subnodes": "run"})).await;
    world.until_status(&run, "complete").await;
    // The first is at depth 0; its node, and that node's, are run, and the last is left.
    let nodes = world.listed(4).await;
    assert_eq!(nodes.len(), 4, "{nodes:#?}");
    let path = format!("/projects/{}/executions?limit=100", world.project);
    let all_complete = async || {
        let runs = world.get(&path).await["items"].as_array().unwrap().clone();
        (runs.len() == 3 && runs.iter().all(|run| run["status"] == "complete")).then_some(runs)
    };
    let runs = eventually(all_complete).await.expect("three runs end");
    let mut depths: Vec<u64> = runs.iter().map(|run| run["depth"].as_u64().unwrap()).collect();
    depths.sort_unstable();
    assert_eq!(depths, [0, 1, 2], "{runs:#?}");
}
