//! Runs that ask people, and runs that wait for their turn.

use std::sync::Arc;

use agent_runner::Probe;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use platform::clock::{Clock, SystemClock};
use schema::node::QuestionStatus;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::{Setup, World, text};

/// Asks a person first, and then says what was told.
fn asks(question: Value) -> impl Fn(&Value, usize) -> Reply + Send + Sync {
    move |request, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("request_human_input", question.clone())],
            _ => vec![Part::Text("Thank you.")],
        })
    }
}

fn told(provider: &Provider) -> String {
    provider.requests().last().map(|request| request["messages"].to_string()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_holds_no_lease_and_goes_on_with_the_default_when_its_time_is_over() {
    let world = World::start().await;
    let question = json!({"question": "Which sea?", "timeout_minutes": 1, "default": "The North Sea"});
    let provider = Provider::start(Arc::new(asks(question))).await;
    let worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "awaiting_input").await;
    assert!(!world.is_leased(&run).await);
    // Nobody has to wait for the question, nor is there anybody to.
    worker.leave().await;
    let past = "entry = jsonb_set(entry, '{expiresAt}', to_jsonb('2020-01-01T00:00:00Z'::text))";
    world.database.sabotage(&format!("UPDATE agent_journal SET {past} WHERE entry ->> 'entry' = 'asked'")).await;
    world.database.sabotage("UPDATE agent_executions SET due_at = now()").await;
    let _another = world.worker(Some(&provider.url), Probe::default());
    world.until_status(&run, "complete").await;
    assert!(told(&provider).contains("The North Sea"));
    let noted = &world.live().await.questions[0];
    assert_eq!((noted.status, noted.answered_by), (QuestionStatus::Answered, None));
    let received = world.trace(&run).await.into_iter().find(|event| event["type"] == "human_input_received").unwrap();
    assert_eq!(received["data"]["byDefault"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_began_a_run_is_notified_when_it_asks_and_when_it_is_over() {
    let world = World::start().await;
    let question = json!({"question": "Which sea?"});
    let provider = Provider::start(Arc::new(asks(question))).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let asked = world.until_status(&run, "awaiting_input").await;
    let newest = async || {
        let page = world.get("/users/me/notifications").await;
        let newest = &page["items"][0];
        (text(&newest["type"]), text(&newest["resourceId"]), newest["body"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(newest().await, ("human_input_needed".to_owned(), world.node.clone(), "Which sea?".to_owned()));
    let answer = json!({"questionId": asked["question"]["id"], "response": "The Baltic"});
    world.post(&format!("/executions/{run}/input"), answer).await;
    world.until_status(&run, "complete").await;
    let (kind, about, _) = newest().await;
    assert_eq!((kind.as_str(), about), ("execution_complete", world.node.clone()));
    assert_eq!(world.get("/users/me/notifications/unread-count").await["unread"], 2);
}

/// A clock that is late.
struct Late(SystemClock, TimeDelta);

impl Clock for Late {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() - self.1
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_late_takes_a_question_up_once_when_its_time_is_over() {
    let world = World::start().await;
    let question = json!({"question": "Which sea?", "timeout_minutes": 1, "default": "The North Sea"});
    let provider = Provider::start(Arc::new(asks(question))).await;
    let clock = Arc::new(Late(SystemClock::new(), TimeDelta::seconds(2)));
    let _worker = world.worker_of(Setup { clock, ..world.setup(Some(&provider.url)) });
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "awaiting_input").await;
    let past = "entry = jsonb_set(entry, '{expiresAt}', to_jsonb(now()))";
    world.database.sabotage(&format!("UPDATE agent_journal SET {past} WHERE entry ->> 'entry' = 'asked'")).await;
    world.database.sabotage("UPDATE agent_executions SET due_at = now()").await;
    world.until_status(&run, "complete").await;
    assert!(told(&provider).contains("The North Sea"));
    assert!(world.database.is_so("SELECT lease_epoch = 2 FROM agent_executions").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_can_be_paused_resumed_answered_and_cancelled() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(asks(json!({"question": "Which sea?"})))).await;
    let worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let asked = world.until_status(&run, "awaiting_input").await;
    // Whoever has the document has the question.
    let open = world.live().await.questions;
    assert_eq!((open.len(), open[0].question.as_str(), open[0].status), (1, "Which sea?", QuestionStatus::Open));
    assert_eq!(asked["question"]["id"], json!(open[0].id));
    world.post(&format!("/executions/{run}/pause"), json!({})).await;
    world.until_status(&run, "paused").await;
    world.post(&format!("/executions/{run}/resume"), json!({})).await;
    world.until_status(&run, "awaiting_input").await;
    let answer = json!({"questionId": asked["question"]["id"], "response": "The Baltic"});
    world.post(&format!("/executions/{run}/input"), answer).await;
    world.until_status(&run, "complete").await;
    assert!(worker.metrics.encode().contains("agent_runs_leases_lost_total 0"), "nobody else has driven it");
    assert!(told(&provider).contains("The Baltic"));
    let noted = &world.live().await.questions[0];
    assert_eq!(
        (noted.answer.as_deref(), noted.answered_by.map(|by| by.to_string())),
        (Some("The Baltic"), Some(world.user.clone()))
    );

    let other = world.execute(json!({"plan": false})).await;
    world.until_status(&other, "awaiting_input").await;
    world.post(&format!("/executions/{other}/cancel"), json!({})).await;
    let cancelled = world.until_status(&other, "cancelled").await;
    assert_eq!(cancelled["question"], Value::Null);
    let statuses: Vec<QuestionStatus> = world.live().await.questions.iter().map(|question| question.status).collect();
    assert_eq!(statuses, [QuestionStatus::Answered, QuestionStatus::Withdrawn]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_leave_is_done_when_a_person_gives_it_and_not_otherwise() {
    let world = World::start().await;
    world.set_policies(json!({"tools": {"set_status": "approve"}})).await;
    let script = |request: &Value, _: usize| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("set_status", json!({"status": "complete"}))],
            1 => vec![Part::Tool("set_status", json!({"status": "in_progress"}))],
            _ => vec![Part::Text("Done.")],
        })
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    let mut last = Value::Null;
    for response in ["Approve", "Reject"] {
        let asked = world.until(&run, |run| run["question"].is_object() && run["question"]["id"] != last).await;
        assert_eq!(asked["question"]["approval"], true);
        last = asked["question"]["id"].clone();
        let answer = json!({"questionId": last, "response": response});
        world.post(&format!("/executions/{run}/input"), answer).await;
    }
    world.until_status(&run, "complete").await;
    assert_eq!(world.node(&world.node).await["status"], "complete");
    assert!(told(&provider).contains("NOT_APPROVED"));
    let answers: Vec<Option<String>> =
        world.live().await.questions.into_iter().map(|question| question.answer).collect();
    assert_eq!(answers, [Some("Approve".to_owned()), Some("Reject".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_a_node_is_refused_or_waits_for_its_turn() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(asks(json!({"question": "Which sea?"})))).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let first = world.execute(json!({"plan": false})).await;
    let asked = world.until_status(&first, "awaiting_input").await;
    let path = format!("/nodes/{}/execute", world.node);
    let (status, _) = world.call(Method::POST, &path, Some(json!({"plan": false}))).await;
    assert_eq!(status, 409);
    let second = text(&world.post(&path, json!({"plan": false, "ifBusy": "enqueue"})).await["id"]);
    assert_eq!(world.execution(&second).await["status"], "pending");
    let answer = json!({"questionId": asked["question"]["id"], "response": "The Baltic"});
    world.post(&format!("/executions/{first}/input"), answer).await;
    world.until_status(&first, "complete").await;
    world.until_status(&second, "awaiting_input").await;
}
