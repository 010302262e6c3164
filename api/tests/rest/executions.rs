//! Runs of agents, as far as it takes no worker: none is here, so that a run stays where the tests put it.

use std::sync::Arc;

use chrono::Utc;
use http::{Method, StatusCode};
use platform::auth::Principal;
use platform::db::documents;
use schema::PatchError;
use schema::canvas::{self, CanvasPatch, NewNode};
use schema::ids::{DocumentName, NodeId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;
use yrs::TransactionMut;

use crate::event_source::EventSource;
use crate::server::{Answer, Client, Server};

/// A project with a node, its administrator, and a member.
struct Scene {
    server: Server,
    ada: Client,
    bob: Client,
    org: String,
    project: String,
    node_id: String,
    node: String,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let (ada, org, project) = server.with_project("ada").await;
        let bob = server.sign_in("bob").await;
        let member = json!({"email": "bob@example.com", "role": "member"});
        ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
        let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "N", "body": "Do it."})).await;
        let node_id = node.created_id();
        Self { server, ada, bob, org, project, node: format!("/nodes/{node_id}"), node_id }
    }

    async fn execute(&self, body: Value) -> Answer {
        self.ada.post(&format!("{}/execute", self.node), body).await
    }

    async fn run(&self, body: Value) -> String {
        self.execute(body).await.expect(StatusCode::ACCEPTED)["id"].as_str().unwrap().to_owned()
    }

    /// Does to a run what a worker would.
    async fn set(&self, run: &str, what: &str) {
        self.server.database().sabotage(&format!("UPDATE agent_executions SET {what} WHERE id = '{run}'")).await;
    }

    async fn ask(&self, run: &str, question: Uuid, approval: bool) {
        let question = json!({
            "id": question, "question": "Which one?", "options": ["a", "b"], "context": null, "approval": approval,
            "askedAt": "2026-11-21T12:00:00Z", "expiresAt": null, "default": null,
        });
        self.set(run, &format!("status = 'awaiting_input', phase = 'wait_human', question = '{question}'")).await;
    }

    /// Adds an event to a run's trace, or changes it.
    async fn trace(&self, run: &str, seq: i32, changed: i32, data: &Value) {
        self.server
            .database()
            .sabotage(&format!(
                "INSERT INTO agent_trace_events (id, execution_id, org_id, seq, changed, event_type, event_data, cost)
                 VALUES (gen_random_uuid(), '{run}', '{}', {seq}, {changed}, 'decision', '{data}', 1500000000)
                 ON CONFLICT (execution_id, seq) DO UPDATE SET changed = excluded.changed, event_data = excluded.event_data",
                self.org
            ))
            .await;
    }

    /// Notes that a run may have written in a node's document.
    async fn note(&self, run: &str, node: &str) {
        let insert = format!("INSERT INTO agent_execution_nodes VALUES ('{run}', '{node}', '{}')", self.org);
        self.server.database().sabotage(&insert).await;
    }

    /// Edits a document as a run does.
    async fn edit(
        &self,
        run: &str,
        name: DocumentName,
        edit: impl FnOnce(&mut TransactionMut<'_>) -> Result<(), PatchError> + Send + 'static,
    ) {
        let ada: UserId = self.ada.id().parse().unwrap();
        let agent = Arc::new(Principal::run(run.parse().unwrap(), 1, ada, "Agent"));
        let document = documents::find(&self.server.api.db, ada, &name).await.unwrap().unwrap();
        self.server.api.documents.edit(&document, agent, None, Box::new(edit)).await.unwrap();
    }

    /// Writes a node's body as a run does.
    async fn write(&self, run: &str, node: &str, text: &str) {
        let text = text.to_owned();
        let name = DocumentName::Node(node.parse().unwrap());
        self.edit(run, name, move |txn| schema::node::set_body(txn, &text)).await;
    }

    async fn body(&self, node: &str) -> String {
        let node = self.ada.get(&format!("/nodes/{node}")).await.expect(StatusCode::OK);
        node["body"].as_str().unwrap().trim().to_owned()
    }

    async fn actions(&self, kind: &str) -> Vec<String> {
        let log = self.ada.get(&format!("/orgs/{}/audit-log?resourceType={kind}", self.org)).await;
        let log = log.expect(StatusCode::OK);
        log["items"].as_array().unwrap().iter().rev().map(|it| it["action"].as_str().unwrap().to_owned()).collect()
    }
}

const CONFLICT: StatusCode = StatusCode::CONFLICT;
const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test]
async fn a_run_is_begun_read_and_listed() {
    let scene = Scene::new().await;
    let ada = &scene.ada;
    let current = format!("{}/execution", scene.node);
    ada.get(&current).await.expect_problem(StatusCode::NOT_FOUND, "EXECUTION_NOT_FOUND");
    let run = scene.execute(json!({"instructions": "Be brief.", "agentName": "Helper", "mode": "propose"})).await;
    let begun_at_most = scene.server.api.limits.executions().rate.amount();
    let left = run.headers["ratelimit"].to_str().unwrap();
    assert!(left.contains(&format!(r#", "executions";r={};t="#, begun_at_most - 1)), "{left}");
    assert!(left.starts_with(r#""requests";r="#), "{left}");
    let run = run.expect(StatusCode::ACCEPTED);
    let expected = json!({
        "id": run["id"], "nodeId": scene.node_id, "projectId": scene.project, "status": "pending", "phase": null,
        "control": null, "agentName": "Helper", "requestedBy": ada.id(), "parentExecutionId": null, "depth": 0,
        "mode": "propose", "target": "output", "instructions": "Be brief.", "model": null, "tokensIn": 0, "tokensOut": 0,
        "tokensCached": 0, "tokenBudget": scene.server.api.agents.tokens_per_run, "estimatedCostUsd": "0.00",
        "question": null, "error": null, "outputItemId": null, "createdAt": run["createdAt"], "startedAt": null,
        "completedAt": null,
    });
    assert_eq!(run, expected);
    let path = format!("/executions/{}", run["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK), expected);
    assert_eq!(ada.get(&current).await.expect(StatusCode::OK), expected);
    for list in [format!("{}/executions", scene.node), format!("/projects/{}/executions?status=pending", scene.project)]
    {
        assert_eq!(ada.get(&list).await.expect(StatusCode::OK), json!({"items": [expected], "nextCursor": null}));
    }
    let none = format!("/projects/{}/executions?status=running,complete", scene.project);
    assert_eq!(ada.get(&none).await.expect(StatusCode::OK)["items"], json!([]));
    let nonsense = format!("/projects/{}/executions?status=dancing", scene.project);
    ada.get(&nonsense).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    assert_eq!(scene.actions("execution").await, ["execution.started"]);
    // A cost of which a part is unknown is unknown.
    scene.set(run["id"].as_str().unwrap(), "cost = 2500000000, cost_unknown = true").await;
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["estimatedCostUsd"], Value::Null);
    scene.set(run["id"].as_str().unwrap(), "cost_unknown = false").await;
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["estimatedCostUsd"], "0.0025");
    let stranger = scene.server.sign_in("stranger").await;
    for path in [path.clone(), format!("{path}/trace"), format!("{path}/trace/stream"), current] {
        stranger.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_busy_node_refuses_another_run_or_has_it_wait() {
    let scene = Scene::new().await;
    let first = scene.run(json!({})).await;
    let refused = scene.execute(json!({})).await.expect_problem(CONFLICT, "EXECUTION_ACTIVE");
    assert_eq!(refused["executionId"], first);
    let second = scene.run(json!({"ifBusy": "enqueue"})).await;
    scene.set(&first, "status = 'running'").await;
    let current = scene.ada.get(&format!("{}/execution", scene.node)).await.expect(StatusCode::OK);
    assert_eq!(current["id"], first);
    let list = scene.ada.get(&format!("{}/executions?limit=1", scene.node)).await.expect(StatusCode::OK);
    assert_eq!(list["items"][0]["id"], second);
    let next = format!("{}/executions?cursor={}", scene.node, list["nextCursor"].as_str().unwrap());
    assert_eq!(scene.ada.get(&next).await.expect(StatusCode::OK)["items"][0]["id"], first);
    scene.set(&first, "status = 'complete'").await;
    assert_eq!(scene.ada.get(&format!("{}/execution", scene.node)).await.expect(StatusCode::OK)["id"], second);
    scene.set(&second, "status = 'failed'").await;
    scene.execute(json!({})).await.expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_request_that_is_sent_again_begins_one_run() {
    let scene = Scene::new().await;
    let send = async || {
        let request = scene.ada.json(Method::POST, &format!("{}/execute", scene.node)).header("Idempotency-Key", "k");
        scene.ada.send(request, "{}").await.expect(StatusCode::ACCEPTED)
    };
    let first = send().await;
    assert_eq!(send().await, first);
    scene.set(first["id"].as_str().unwrap(), "status = 'complete'").await;
    assert_eq!(send().await["id"], first["id"]);
    let other = scene.ada.json(Method::POST, &format!("{}/execute", scene.node)).header("Idempotency-Key", "k");
    let other = scene.ada.send(other, json!({"instructions": "Something else."}).to_string()).await;
    other.expect_problem(UNPROCESSABLE, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(scene.actions("execution").await, ["execution.started"]);
}

#[tokio::test]
async fn a_person_begins_so_many_runs_in_a_minute_and_no_more() {
    let scene = Scene::new().await;
    for _ in 0..10 {
        scene.run(json!({"ifBusy": "enqueue"})).await;
    }
    let refused = scene.execute(json!({"ifBusy": "enqueue"})).await;
    refused.expect_problem(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS");
    assert!(refused.headers.contains_key("retry-after"));
    let answer = scene.bob.post(&format!("{}/execute", scene.node), json!({"ifBusy": "enqueue"})).await;
    answer.expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_it_is_begun() {
    let scene = Scene::new().await;
    for (body, field) in [
        (json!({"model": "gpt-9"}), "model"),
        (json!({"agentName": ""}), "agentName"),
        (json!({"tokenBudget": 1}), "tokenBudget"),
        (json!({"instructions": "x".repeat(20_001)}), "instructions"),
        (json!({"mode": "dance"}), "mode"),
    ] {
        let problem = scene.execute(body).await.expect_problem(UNPROCESSABLE, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let template = json!({"templateId": Uuid::new_v4()});
    scene.execute(template).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let gone = format!("/nodes/{}/execute", Uuid::new_v4());
    scene.ada.post(&gone, json!({})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    scene.ada.delete(&scene.node).await.expect(StatusCode::NO_CONTENT);
    scene.execute(json!({})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_template_and_the_organization_have_their_say() {
    let scene = Scene::new().await;
    let template = json!({
        "name": "T", "structure": {"nodes": [{"key": "a", "title": "A"}]},
        "agentConfig": {"agentName": "Critic", "instructions": "Be strict.", "tokenBudget": 9_000, "temperature": 0.1},
    });
    let template = scene.ada.post(&format!("/orgs/{}/templates", scene.org), template).await.created_id();
    let settings = json!({"settings": {"agentPolicies": {"maxTokensPerExecution": 5_000}}});
    scene.ada.patch(&format!("/orgs/{}", scene.org), settings).await.expect(StatusCode::OK);
    let run = scene.execute(json!({"templateId": template, "agentName": "Mine"})).await.expect(StatusCode::ACCEPTED);
    let told = [&run["agentName"], &run["instructions"], &run["tokenBudget"]];
    assert_eq!(told, [&json!("Mine"), &json!("Be strict."), &json!(5_000)]);
}

#[tokio::test]
async fn runs_are_steered_by_the_table_of_states() {
    let scene = Scene::new().await;
    let run = scene.run(json!({})).await;
    let steer = async |what: &str| scene.ada.post(&format!("/executions/{run}/{what}"), json!({})).await;
    let illegal = async |what: &[&str]| {
        for what in what {
            steer(what).await.expect_problem(CONFLICT, "EXECUTION_STATE");
        }
    };
    illegal(&["pause", "resume", "retry"]).await;
    scene.set(&run, "status = 'running', lease_epoch = 1, leased_until = now() + interval '1 minute'").await;
    assert_eq!(steer("pause").await.expect(StatusCode::ACCEPTED)["control"], "pause");
    assert_eq!(steer("pause").await.expect(StatusCode::ACCEPTED)["status"], "running");
    assert_eq!(steer("resume").await.expect(StatusCode::ACCEPTED)["control"], Value::Null);
    illegal(&["resume", "retry"]).await;
    scene.set(&run, "status = 'paused', leased_until = NULL").await;
    assert_eq!(steer("resume").await.expect(StatusCode::ACCEPTED)["status"], "running");
    assert_eq!(steer("cancel").await.expect(StatusCode::ACCEPTED)["control"], "cancel");
    illegal(&["pause", "resume", "retry"]).await;
    scene
        .set(&run, "status = 'failed', control = NULL, error_code = 'X', error_message = 'Y', completed_at = now()")
        .await;
    let failed = scene.ada.get(&format!("/executions/{run}")).await.expect(StatusCode::OK);
    assert_eq!(failed["error"], json!({"code": "X", "message": "Y"}));
    let again = steer("retry").await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        (&again["status"], &again["error"], &again["completedAt"]),
        (&json!("pending"), &Value::Null, &Value::Null)
    );
    let cancelled = steer("cancel").await.expect(StatusCode::ACCEPTED);
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["completedAt"].is_string());
    illegal(&["pause", "resume", "cancel", "retry"]).await;
    // What was asked for already is not done once more.
    let expected = ["started", "paused", "resumed", "resumed", "cancelled", "retried", "cancelled"];
    assert_eq!(scene.actions("execution").await, expected.map(|what| format!("execution.{what}")));
    // The same by the node.
    let second = scene.run(json!({})).await;
    let by_node = async |what: &str| scene.ada.post(&format!("{}/execution/{what}", scene.node), json!({})).await;
    by_node("pause").await.expect_problem(CONFLICT, "EXECUTION_STATE");
    by_node("resume").await.expect_problem(CONFLICT, "EXECUTION_STATE");
    assert_eq!(by_node("cancel").await.expect(StatusCode::ACCEPTED)["id"], second);
}

#[tokio::test]
async fn everybody_who_watches_hears_how_a_run_goes() {
    let scene = Scene::new().await;
    let mut events = EventSource::open(&scene.bob, &format!("{}/events", scene.node), None).await;
    let run = scene.run(json!({})).await;
    let told = events.until("execution_update").await.data;
    assert_eq!(told["nodeId"], scene.node_id);
    let payload = json!({
        "executionId": run, "status": "pending", "phase": null, "control": null,
        "progress": {"steps": 0, "tokensOut": 0}, "question": null,
    });
    assert_eq!(told["payload"], payload);
    scene.ada.post(&format!("/executions/{run}/cancel"), json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(events.until("execution_update").await.data["payload"]["status"], "cancelled");
}

#[tokio::test]
async fn a_question_is_answered_once_by_whoever_may() {
    let scene = Scene::new().await;
    let run = scene.run(json!({})).await;
    let path = format!("/executions/{run}/input");
    let (question, approval) = (Uuid::new_v4(), Uuid::new_v4());
    let answer = |id: Uuid| json!({"questionId": id, "response": "a"});
    scene.ada.post(&path, answer(question)).await.expect_problem(CONFLICT, "NO_QUESTION");
    scene.ask(&run, question, false).await;
    let read = scene.ada.get(&format!("/executions/{run}")).await.expect(StatusCode::OK);
    assert_eq!(read["question"]["options"], json!(["a", "b"]));
    scene.bob.post(&path, answer(Uuid::new_v4())).await.expect_problem(CONFLICT, "NO_QUESTION");
    let answered = scene.bob.post(&path, answer(question)).await.expect(StatusCode::ACCEPTED);
    assert_eq!(answered["question"], Value::Null);
    scene.ada.post(&path, answer(question)).await.expect_problem(CONFLICT, "NO_QUESTION");
    // Leave to do something gives who asked for the run, or an administrator, and no program.
    scene.set(&run, "answer = NULL").await;
    scene.ask(&run, approval, true).await;
    scene.bob.post(&path, answer(approval)).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    let key = json!({"name": "K", "scopes": ["api:write"]});
    let key = scene.ada.post(&format!("/orgs/{}/api-keys", scene.org), key).await.expect(StatusCode::CREATED);
    let program = scene.server.program(key["key"].as_str().unwrap());
    program.post(&path, answer(approval)).await.expect_problem(StatusCode::FORBIDDEN, "PERSON_REQUIRED");
    scene.set(&run, &format!("requested_by = '{}'", scene.bob.id())).await;
    scene.bob.post(&path, answer(approval)).await.expect(StatusCode::ACCEPTED);
    scene.set(&run, "answer = NULL").await;
    let other = json!({"questionId": approval, "response": "My own words."});
    scene.ada.post(&path, other).await.expect(StatusCode::ACCEPTED);

    let log = format!("/orgs/{}/audit-log?action=execution.answered", scene.org);
    let log = scene.ada.get(&log).await.expect(StatusCode::OK);
    let (user, leave) = (|client: &Client| format!("user:{}", client.id()), json!("Which one?"));
    let expected = [
        (user(&scene.ada), json!({"questionId": approval, "approval": true, "question": leave, "answer": null})),
        (user(&scene.bob), json!({"questionId": approval, "approval": true, "question": leave, "answer": "a"})),
        (user(&scene.bob), json!({"questionId": question, "approval": false})),
    ];
    let entries = log["items"].as_array().unwrap();
    assert_eq!(entries.len(), expected.len(), "what was refused is not there: {log}");
    for (entry, (actor, details)) in entries.iter().zip(expected) {
        assert_eq!((&entry["actor"], &entry["details"]), (&json!(actor), &details));
        assert_eq!((&entry["resourceId"], &entry["runId"]), (&json!(run), &json!(run)));
    }
}

#[tokio::test]
async fn a_trace_is_read_in_pages_and_followed_to_its_end() {
    let scene = Scene::new().await;
    let run = scene.run(json!({})).await;
    let path = format!("/executions/{run}/trace");
    for seq in 1..=3 {
        scene.trace(&run, seq, seq, &json!({"decision": "plan", "plan": format!("Step {seq}")})).await;
    }
    let page = scene.bob.get(&format!("{path}?limit=2")).await.expect(StatusCode::OK);
    assert_eq!((&page["items"][1]["seq"], &page["nextCursor"]), (&json!(2), &json!("2")));
    let first = &page["items"][0];
    assert_eq!(
        (&first["type"], &first["executionId"], &first["data"]["plan"]),
        (&json!("decision"), &json!(run), &json!("Step 1"))
    );
    assert_eq!((&first["estimatedCostUsd"], &first["durationMs"]), (&json!("0.0015"), &Value::Null));
    let rest = scene.bob.get(&format!("{path}?cursor=2")).await.expect(StatusCode::OK);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["nextCursor"]), (1, &Value::Null));

    let mut stream = EventSource::open(&scene.bob, &format!("{path}/stream"), None).await;
    for seq in 1..=3 {
        let message = stream.event().await;
        assert_eq!((message.event.as_deref(), message.id), (Some("trace"), Some(seq.to_string())));
        assert_eq!(message.data["seq"], seq);
    }
    // Two that change together have one id, after the second; a wish of somebody wakes the stream.
    scene.trace(&run, 1, 4, &json!({"decision": "plan", "plan": "Another"})).await;
    scene.trace(&run, 4, 4, &json!({"decision": "unfinished"})).await;
    scene.set(&run, "status = 'running'").await;
    scene.ada.post(&format!("/executions/{run}/pause"), json!({})).await.expect(StatusCode::ACCEPTED);
    let (one, other) = (stream.event().await, stream.event().await);
    assert_eq!((one.id, &one.data["seq"]), (None, &json!(1)));
    assert_eq!((other.id.as_deref(), &other.data["seq"]), (Some("4"), &json!(4)));
    // Who comes back goes on; who follows a run that is over is told all of it and the end.
    scene.set(&run, "status = 'complete', control = NULL, completed_at = now()").await;
    let mut back = EventSource::open(&scene.bob, &format!("{path}/stream"), Some("3")).await;
    assert_eq!((back.event().await.data["seq"].clone(), back.event().await.data["seq"].clone()), (json!(1), json!(4)));
    let end = back.event().await;
    assert_eq!((end.event.as_deref(), &end.data["status"]), (Some("end"), &json!("complete")));
    assert_eq!(back.next().await, None);
    let answer = EventSource::request(&scene.bob, &format!("{path}/stream"), Some("x")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_a_run_wrote_is_taken_back_wherever_it_wrote() {
    let scene = Scene::new().await;
    let run = scene.run(json!({})).await;
    let made = scene.ada.post(&format!("/projects/{}/nodes", scene.project), json!({"title": "M"})).await.created_id();
    scene.note(&run, &made).await;
    scene.write(&run, &scene.node_id, "Do it. Done by the agent.").await;
    scene.write(&run, &made, "The agent's own.").await;
    assert_eq!(scene.body(&scene.node_id).await, "Do it. Done by the agent.");
    scene.ada.patch(&format!("/nodes/{made}"), json!({"title": "Kept"})).await.expect(StatusCode::OK);
    let undo = format!("/executions/{run}/undo");
    scene.ada.post(&undo, json!({})).await.expect_problem(CONFLICT, "EXECUTION_STATE");
    scene.set(&run, "status = 'complete'").await;
    let undone = scene.ada.post(&undo, json!({})).await.expect(StatusCode::OK);
    let names: Vec<_> = undone["documents"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, [format!("node:{}", scene.node_id), format!("node:{made}")]);
    assert_eq!((scene.body(&scene.node_id).await, scene.body(&made).await), ("Do it.".to_owned(), String::new()));
    let versions = scene.ada.get(&format!("/nodes/{made}/versions?limit=1")).await.expect(StatusCode::OK);
    assert_eq!(versions["items"][0]["changeSummary"], "A run taken back");
    let again = scene.ada.post(&undo, json!({})).await.expect(StatusCode::OK);
    assert_eq!(again, json!({"documents": []}), "there is nothing left to take back");
    assert_eq!(scene.actions("execution").await.last().unwrap(), "execution.undone");
}

#[tokio::test]
async fn a_node_that_a_run_made_goes_into_the_trash_with_what_a_person_wrote_in_it() {
    let scene = Scene::new().await;
    let run = scene.run(json!({})).await;
    let id = NodeId::new(Uuid::new_v4());
    let (made, node) = (id.to_string(), format!("/nodes/{id}"));
    let new = NewNode { title: "Made".to_owned(), ..NewNode::default() };
    let create = CanvasPatch::CreateNode { id, node: Box::new(new) };
    let on_canvas = DocumentName::Project(scene.project.parse().unwrap());
    scene.edit(&run, on_canvas, move |txn| canvas::apply(&create, txn, Utc::now())).await;
    scene.ada.eventually(async || (scene.ada.get(&node).await.status == StatusCode::OK).then_some(())).await;
    scene.note(&run, &made).await;
    scene.write(&run, &made, "The agent's own.").await;
    scene.bob.patch(&node, json!({"body": "The agent's own.\n\nA person's words."})).await.expect(StatusCode::OK);
    scene.set(&run, "status = 'complete'").await;

    let undo = format!("/executions/{run}/undo");
    let undone = scene.ada.post(&undo, json!({})).await.expect(StatusCode::OK);
    let names: Vec<_> = undone["documents"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, [format!("node:{made}"), format!("project:{}", scene.project)]);
    scene.ada.get(&node).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let trash = format!("/projects/{}/nodes?deleted=only", scene.project);
    let listed = async || {
        let listed = scene.ada.get(&trash).await.expect(StatusCode::OK);
        (listed["items"][0]["id"] == made).then_some(())
    };
    scene.ada.eventually(listed).await;
    let restored = scene.bob.post(&format!("{node}/restore"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&restored["title"], scene.body(&made).await.as_str()), (&json!("Made"), "A person's words."));
}

#[tokio::test]
async fn models_are_set_up_used_and_told_without_their_keys() {
    let scene = Scene::new().await;
    let path = format!("/orgs/{}/models", scene.org);
    let list = scene.bob.get(&path).await.expect(StatusCode::OK);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["name"]), (1, &json!("demo")));
    assert_eq!((&list["items"][0]["id"], &list["items"][0]["isDemo"]), (&Value::Null, &json!(true)));
    let model = json!({
        "name": "big", "baseUrl": "https://models.example.com/v1", "model": "big-1", "keyName": "prod",
        "usdPerMillionIn": 2.5, "usdPerMillionOut": null, "contextTokens": 128_000, "outputTokens": 4_096, "fallbacks": ["demo"],
    });
    scene.bob.post(&path, model.clone()).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    let created = scene.ada.post(&path, model.clone()).await.expect(StatusCode::CREATED);
    for (member, value) in model.as_object().unwrap() {
        assert_eq!(created[member], *value, "{member}");
    }
    scene.ada.post(&path, model.clone()).await.expect_problem(CONFLICT, "CONFLICT");
    let one = format!("{path}/{}", created["id"].as_str().unwrap());
    let for_users = scene.bob.get(&one).await.expect(StatusCode::OK);
    assert_eq!(
        (&for_users["name"], &for_users["baseUrl"], &for_users["keyName"]),
        (&json!("big"), &Value::Null, &Value::Null)
    );
    for (member, value) in [
        ("name", json!("demo")),
        ("baseUrl", json!("http://169.254.169.254/latest")),
        ("baseUrl", json!("ftp://models.example.com")),
        ("keyName", json!("../../etc/passwd")),
        ("usdPerMillionIn", json!(-1)),
        ("contextTokens", json!(0)),
        ("fallbacks", json!(["big"])),
    ] {
        let problem = scene.ada.patch(&one, json!({member: value})).await;
        let problem = problem.expect_problem(UNPROCESSABLE, "VALIDATION_FAILED");
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(member), "{problem}");
    }
    let changed = json!({"keyName": null, "usdPerMillionOut": 10, "fallbacks": []});
    let changed = scene.ada.patch(&one, changed).await.expect(StatusCode::OK);
    assert_eq!(
        (&changed["keyName"], &changed["usdPerMillionIn"], &changed["usdPerMillionOut"]),
        (&Value::Null, &json!(2.5), &json!(10.0))
    );
    assert_eq!(scene.execute(json!({"model": "big"})).await.expect(StatusCode::ACCEPTED)["model"], "big");
    let only = json!({"settings": {"allowedModels": ["other"]}});
    scene.ada.patch(&format!("/orgs/{}", scene.org), only).await.expect(StatusCode::OK);
    scene
        .execute(json!({"model": "big", "ifBusy": "enqueue"}))
        .await
        .expect_problem(UNPROCESSABLE, "VALIDATION_FAILED");
    scene.run(json!({"model": "demo", "ifBusy": "enqueue"})).await;
    scene.ada.delete(&one).await.expect(StatusCode::NO_CONTENT);
    scene.ada.get(&one).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(scene.actions("model").await, ["model.created", "model.updated", "model.deleted"]);
}
