//! That what was forgotten is not said again by a run that was at work meanwhile.

use std::time::Duration;

use chrono::Utc;
use platform::db::audit::Actor;
use platform::db::documents::ensure_node;
use platform::db::executions::{Steered, Wish, steer};
use platform::db::notifications::NotificationKind;
use platform::db::runs::{self, Append, Changes, Finished, Leased, Shown, Tally, TraceChange};
use platform::db::{history, log};
use platform::executions::{ExecuteOptions, Status};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, NodeId, Seq};
use serde_json::json;
use uuid::Uuid;

use crate::support::append_some;

const SECRET: &str = "hunter2-in-the-body";

/// What a run appends that tells the secret wherever it can.
fn telling(seq: i32, status: Status) -> Append {
    let trace = TraceChange {
        seq: 1,
        kind: "llm_call",
        data: json!({"promptSummary": SECRET, "result": null, "error": {"code": "declined", "message": SECRET}}),
        duration_ms: None,
        model: None,
        tokens_in: None,
        tokens_out: None,
        cost: None,
    };
    let is_over = status.is_over();
    let kind = if is_over { NotificationKind::ExecutionComplete } else { NotificationKind::HumanInputNeeded };
    let changes = Changes {
        shown: Shown { status, phase: None, question: None, model: None, output_item: None, steps: 1 },
        at: Utc::now(),
        trace: vec![trace],
        tally: Tally::default(),
        reserve: None,
        settle: None,
        made: Vec::new(),
        subrun: None,
        finished: is_over.then(|| Finished { error: Some(("failed".to_owned(), SECRET.to_owned())) }),
        notice: Some((kind, "Plan".to_owned(), Some(SECRET.to_owned()))),
    };
    Append { seq, entry: json!({"said": SECRET}), update: None, changes: Some(changes) }
}

/// Which of these hold the secret.
async fn holders(test: &TestDatabase) -> Vec<&'static str> {
    let mut holders = Vec::new();
    for (table, column) in [
        ("agent_journal", "entry"),
        ("agent_trace_events", "event_data"),
        ("agent_executions", "error_message"),
        ("notifications", "body"),
    ] {
        if test.is_so(&format!("SELECT EXISTS (SELECT FROM {table} WHERE {column}::text LIKE '%{SECRET}%')")).await {
            holders.push(table);
        }
    }
    for kind in ["trace", "notification"] {
        let sql = format!("SELECT FROM events WHERE kind = '{kind}' AND payload::text LIKE '%{SECRET}%'");
        if test.is_so(&format!("SELECT EXISTS ({sql})")).await {
            holders.push(kind);
        }
    }
    holders
}

#[tokio::test]
async fn a_run_that_was_at_work_says_nothing_of_what_was_forgotten_and_keeps_nothing_when_it_fails() {
    let test = TestDatabase::new().await;
    let owner = test.user("ada").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let node = NodeId::new(Uuid::new_v4());
    let document = ensure_node(&test.db, org, project, node).await.unwrap().unwrap();
    let run = test.run(org, project, node, owner.id).await;
    test.sabotage("UPDATE agent_executions SET status = 'running', started_at = now()").await;
    let leased = Leased {
        run,
        org,
        project,
        node,
        user: owner.id,
        agent_name: "Agent".to_owned(),
        options: ExecuteOptions::default(),
        depth: 0,
        control: None,
        answer: None,
        token_budget: 1000,
        epoch: 1,
        attempts: 0,
        waited: Duration::ZERO,
    };
    append_some(&test.db, &document, some_principal(), 3).await;
    log::save_snapshot(&test.db, org, document.id, Epoch::FIRST, Seq::new(3), "state".into()).await.unwrap();
    runs::append(&test.db, &leased, &telling(1, Status::Running)).await.unwrap();
    let everywhere = ["agent_journal", "agent_trace_events", "notifications", "trace", "notification"];
    assert_eq!(holders(&test).await, everywhere);

    let (part, merged) = (Seq::new(2)..=Seq::new(3), "merged".into());
    history::forget(&test.db, org, document.id, Epoch::FIRST, part, &merged, &Actor::SYSTEM).await.unwrap();
    assert_eq!(holders(&test).await, ["agent_journal"], "it needs what it has noted");
    let is_told = "SELECT bool_and(event_data -> 'error' ->> 'code' = 'declined') FROM agent_trace_events";
    assert!(test.is_so(is_told).await, "that it failed, and of what, stays");
    runs::append(&test.db, &leased, &telling(2, Status::Running)).await.unwrap();
    let needed = ["agent_journal", "notifications", "notification"];
    assert_eq!(holders(&test).await, needed, "whoever is asked something needs to know what");
    runs::append(&test.db, &leased, &telling(3, Status::Failed)).await.unwrap();
    assert_eq!(holders(&test).await, [""; 0]);
    let retried = steer(&test.db, org, &Actor::SYSTEM, run, Wish::Retry).await.unwrap();
    assert_eq!(retried, Steered::Illegal(Status::Failed));
}
