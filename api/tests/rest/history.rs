//! Histories over REST, and versions of nodes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::header::IF_MATCH;
use http::{Method, StatusCode};
use platform::access::document_access;
use platform::auth::Principal;
use platform::executions::ExecuteOptions;
use schema::ids::DocumentName;
use serde_json::{Value, json};
use uuid::Uuid;
use yrs::{Map, Out, WriteTxn};

use crate::server::{Client, Server};

/// A project of Ada's with a node, and Bob who works in it too.
pub(crate) struct Scene {
    pub(crate) ada: Client,
    pub(crate) bob: Client,
    pub(crate) project: String,
    pub(crate) node: String,
}

impl Scene {
    pub(crate) async fn in_server(server: &Server) -> Self {
        let (ada, org, project) = server.with_project("ada").await;
        let bob = server.sign_in("bob").await;
        let member = json!({"email": "bob@example.com", "role": "member"});
        let added = ada.post(&format!("/orgs/{org}/members"), member).await;
        assert!(added.status.is_success(), "{}", added.status);
        let node = json!({"title": "Plan", "description": "Buy milk."});
        let node = ada.post(&format!("/projects/{project}/nodes"), node).await.expect(StatusCode::CREATED);
        let node = node["id"].as_str().unwrap().to_owned();
        Self { ada, bob, project, node }
    }

    /// Waits until the node is listed: of what comes and goes, or is changed, before that, nobody is told apart.
    pub(crate) async fn is_listed(&self) {
        let listed = async || {
            let list = self.ada.get(&format!("/projects/{}/nodes", self.project)).await.expect(StatusCode::OK);
            list["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(())
        };
        self.ada.eventually(listed).await;
    }

    pub(crate) fn history(&self, rest: &str) -> String {
        format!("/documents/node:{}/history{rest}", self.node)
    }

    pub(crate) async fn write(&self, client: &Client, change: Value) -> Value {
        client.patch(&format!("/nodes/{}", self.node), change).await.expect(StatusCode::OK)
    }

    pub(crate) async fn body(&self) -> String {
        let node = self.ada.get(&format!("/nodes/{}", self.node)).await.expect(StatusCode::OK);
        node["body"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn principal(client: &Client) -> String {
    format!("user:{}", client.user["id"].as_str().unwrap())
}

/// The texts of spans, with who wrote each.
fn spans(texts: &Value) -> Vec<(String, String, String)> {
    let blocks = texts[0]["blocks"].as_array().unwrap().iter();
    let spans = blocks.flat_map(|block| block["spans"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    spans.map(|span| (text(&span["text"]), text(&span["change"]), text(&span["inserted"]["principal"]))).collect()
}

#[tokio::test]
async fn what_a_node_was_and_who_made_it_so_is_read_over_rest() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    scene.write(&scene.bob, json!({"body": "Buy oat milk."})).await;
    let summary = scene.ada.get(&scene.history("")).await.expect(StatusCode::OK);
    assert_eq!((&summary["headSeq"], &summary["keptFromSeq"]), (&json!(2), &json!(0)));
    let sessions = scene.ada.get(&scene.history("/sessions")).await.expect(StatusCode::OK);
    assert_eq!(sessions["sessions"][0]["principal"], principal(&scene.bob));
    assert_eq!(sessions["authors"][principal(&scene.bob)]["name"], scene.bob.user["name"]);
    let first = scene.ada.get(&scene.history("/sessions?limit=1")).await.expect(StatusCode::OK);
    let rest = format!("/sessions?limit=1&beforeSeq={}", first["nextBeforeSeq"]);
    let rest = scene.ada.get(&scene.history(&rest)).await.expect(StatusCode::OK);
    assert_eq!(rest["sessions"][0]["principal"], principal(&scene.ada));
    assert_eq!(rest["nextBeforeSeq"], Value::Null);

    let past = scene.ada.get(&scene.history("/state?seq=1")).await;
    assert_eq!((past.expect(StatusCode::OK)["body"].as_str(), past.etag()), (Some("Buy milk."), "\"1-1\""));
    let markdown = scene.ada.get(&scene.history("/state?seq=1&format=markdown")).await;
    assert_eq!(markdown.body, "Buy milk.");
    let empty = scene.ada.get(&scene.history("/state?at=2001-01-01T00:00:00Z")).await.expect(StatusCode::OK);
    assert_eq!(empty["body"], "");

    let blame = scene.ada.get(&scene.history("/blame?part=body")).await.expect(StatusCode::OK);
    let (ada, bob, new) = (principal(&scene.ada), principal(&scene.bob), "inserted".to_owned());
    let expected = [("Buy ", &ada), ("oat ", &bob), ("milk.", &ada)]
        .map(|(text, who)| (text.to_owned(), new.clone(), who.clone()));
    assert_eq!(spans(&blame["texts"]), expected);
    let range = scene.ada.get(&scene.history("/blame?part=body&from=5&to=9")).await.expect(StatusCode::OK);
    let expected = [("at ", &bob), ("m", &ada)].map(|(text, who)| (text.to_owned(), new.clone(), who.clone()));
    assert_eq!(spans(&range["texts"]), expected);
    let end = scene.ada.get(&scene.history("/blame?part=body&from=13")).await.expect(StatusCode::OK);
    assert_eq!((&end["texts"][0]["blocks"], &end["authors"]), (&json!([]), &json!({})));
    let diff = scene.ada.get(&scene.history("/diff?from=1")).await.expect(StatusCode::OK);
    let changes: Vec<_> = spans(&diff["texts"]).into_iter().map(|(text, change, _)| (text, change)).collect();
    let expected = [("Buy ", "kept"), ("oat ", "inserted"), ("milk.", "kept")];
    assert_eq!(changes, expected.map(|(text, change)| (text.to_owned(), change.to_owned())));
    assert_eq!(diff["contributions"][0]["principal"], bob);
    let canvas = format!("/documents/project:{}/history/diff?from=0", scene.project);
    let canvas = scene.ada.get(&canvas).await.expect(StatusCode::OK);
    let paths: Vec<_> = canvas["fields"].as_array().unwrap().iter().map(|field| field["path"][0].clone()).collect();
    assert!(paths.contains(&json!("nodes")), "{canvas}");
    let attributions = scene.ada.get(&scene.history("/attributions")).await.expect(StatusCode::OK);
    assert!(["update", "inserted", "deleted"].iter().all(|key| attributions[key].is_string()));
}

/// Who changed the value at a path, as a difference tells it.
fn changer(diff: &Value, path: &[&str]) -> String {
    let fields = diff["fields"].as_array().unwrap();
    let field =
        fields.iter().find(|field| field["path"] == json!(path)).unwrap_or_else(|| panic!("{path:?} in {diff}"));
    field["by"]["principal"].as_str().unwrap_or("nobody").to_owned()
}

#[tokio::test]
async fn the_difference_says_who_changed_a_value_last() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let canvas = format!("/documents/project:{}/history", scene.project);
    let created = scene.ada.get(&canvas).await.expect(StatusCode::OK)["headSeq"].as_u64().unwrap();
    scene.write(&scene.ada, json!({"status": "complete", "title": "Hers"})).await;
    scene.write(&scene.bob, json!({"title": "His"})).await;
    scene.write(&scene.ada, json!({"metadata": {"priority": "high"}})).await;
    let nodes = format!("/projects/{}/nodes", scene.project);
    let other = scene.bob.post(&nodes, json!({"title": "Another"})).await.created_id();
    scene.ada.patch(&format!("/nodes/{other}"), json!({"title": "Yet another"})).await.expect(StatusCode::OK);
    scene.ada.delete(&format!("/nodes/{}", scene.node)).await;
    scene.bob.post(&format!("/nodes/{}/restore", scene.node), json!({})).await;

    let (ada, bob, node) = (principal(&scene.ada), principal(&scene.bob), scene.node.as_str());
    let diff = scene.ada.get(&format!("{canvas}/diff?from={created}")).await.expect(StatusCode::OK);
    assert_eq!(changer(&diff, &["nodes", node, "status"]), ada);
    assert_eq!(changer(&diff, &["nodes", node, "title"]), bob);
    assert_eq!(changer(&diff, &["nodes", node, "metadata", "priority"]), ada);
    assert_eq!(changer(&diff, &["nodes", &other]), bob, "who made it, whatever others did to it since");
    assert_eq!(diff["authors"].as_object().unwrap().len(), 2);

    let input = json!({"type": "text", "text": "Oats"});
    let item = scene.bob.post(&format!("/nodes/{node}/inputs"), input).await.created_id();
    let diff = scene.ada.get(&scene.history("/diff?from=1")).await.expect(StatusCode::OK);
    assert_eq!(changer(&diff, &["inputs", &item]), bob);
}

#[tokio::test]
async fn what_was_done_is_taken_back_and_brought_back() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    scene.write(&scene.bob, json!({"body": "Buy oat milk."})).await;
    scene.write(&scene.ada, json!({"body": "Buy oat milk. And bread."})).await;
    let undo = json!({"principals": [principal(&scene.bob)]});
    let undone = scene.ada.post(&scene.history("/undo"), undo.clone()).await;
    assert_eq!((&undone.expect(StatusCode::OK)["changed"], undone.etag()), (&json!(true), "\"1-4\""));
    assert_eq!(scene.body().await, "Buy milk. And bread.");
    let again = scene.ada.post(&scene.history("/undo"), undo).await.expect(StatusCode::OK);
    assert_eq!((&again["changed"], &again["seq"]), (&json!(false), &json!(4)));
    let restored = scene.ada.post(&scene.history("/restore"), json!({"seq": 2})).await.expect(StatusCode::OK);
    assert_eq!(restored["changed"], true);
    assert_eq!(scene.body().await, "Buy oat milk.");

    let named = json!({"name": "As sent", "seq": 1});
    let named = scene.ada.post(&scene.history("/versions"), named).await.expect(StatusCode::CREATED);
    let path = scene.history(&format!("/versions/{}", named["id"].as_str().unwrap()));
    let renamed = scene.ada.patch(&path, json!({"name": "As signed"})).await;
    assert_eq!(renamed.status, StatusCode::NO_CONTENT);
    let versions = scene.bob.get(&scene.history("/versions")).await.expect(StatusCode::OK);
    assert_eq!((&versions["versions"][0]["name"], &versions["versions"][0]["seq"]), (&json!("As signed"), &json!(1)));
    assert_eq!(scene.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.ada.delete(&path).await.status, StatusCode::NOT_FOUND);

    let prune = json!({"fromSeq": 2, "throughSeq": 4});
    assert_eq!(scene.bob.post(&scene.history("/prune"), prune.clone()).await.status, StatusCode::FORBIDDEN);
    scene.ada.post(&scene.history("/prune"), prune).await.expect(StatusCode::OK);
    assert_eq!(scene.body().await, "Buy oat milk.");
}

#[tokio::test]
async fn a_node_has_versions_and_goes_back_to_one() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let versions = format!("/nodes/{}/versions", scene.node);
    scene.write(&scene.bob, json!({"body": "Buy oat milk.", "metadata": {"priority": "high"}})).await;
    scene.write(&scene.ada, json!({"status": "complete"})).await;
    scene.write(&scene.ada, json!({"position": {"x": 5, "y": 7}})).await;
    let listed = scene.ada.get(&versions).await.expect(StatusCode::OK);
    let told: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["version"].as_i64().unwrap(), it["changeType"].as_str().unwrap(), it["changedBy"].as_str().unwrap())
        })
        .collect();
    let (ada, bob) = (principal(&scene.ada), principal(&scene.bob));
    let expected = [(3, "status_change", &ada), (2, "updated", &bob), (1, "created", &ada)];
    assert_eq!(told, expected.map(|(version, change, who)| (version, change, who.as_str())), "moving it makes none");
    let page = scene.ada.get(&format!("{versions}?limit=2")).await.expect(StatusCode::OK);
    let rest = scene.ada.get(&format!("{versions}?before={}", page["nextBefore"])).await.expect(StatusCode::OK);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["version"]), (1, &json!(1)));
    let second = scene.ada.get(&format!("{versions}/2")).await.expect(StatusCode::OK);
    assert_eq!(second["snapshot"]["body"], "Buy oat milk.");
    assert_eq!(second["snapshot"]["metadata"], json!({"priority": "high"}));

    let rolled = scene.bob.post(&format!("/nodes/{}/rollback/1", scene.node), json!({})).await;
    let node = rolled.expect(StatusCode::OK);
    assert_eq!(
        (&node["body"], &node["metadata"], &node["position"]["x"]),
        (&json!("Buy milk."), &json!({}), &json!(5.0))
    );
    assert_ne!(node["status"], "complete");
    let last = scene.ada.get(&format!("{versions}?limit=1")).await.expect(StatusCode::OK);
    // The state that changed with it may have made a version of its own before.
    assert_eq!(last["items"][0]["changeType"], "rollback");
    for (path, status) in [("/versions/9", 404), ("/versions/x", 400), ("/versions?limit=0", 400)] {
        let answer = scene.ada.get(&format!("/nodes/{}{path}", scene.node)).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn the_version_that_a_node_says_it_has_is_the_one_that_it_can_be_brought_back_to() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let path = format!("/nodes/{}", scene.node);
    let version = async || scene.ada.get(&path).await.expect(StatusCode::OK)["version"].clone();
    assert_eq!(version().await, 1);
    let written = scene.write(&scene.bob, json!({"title": "Other plan", "body": "Buy oat milk."})).await;
    assert_eq!(written["version"], 2);
    let time = |field: &str| written[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(time("updatedAt") > time("createdAt"), "{written}");
    let moved = scene.write(&scene.bob, json!({"position": {"x": 5, "y": 7}})).await;
    assert_eq!(moved["version"], 2, "moving it makes none");
    let list = format!("/projects/{}/nodes", scene.project);
    let listed = async || {
        let page = scene.ada.get(&list).await.expect(StatusCode::OK);
        let row = page["items"][0].clone();
        let node = scene.ada.get(&path).await.expect(StatusCode::OK);
        let is_there = row["excerpt"] == "Buy oat milk." && row["position"]["x"] == 5.0;
        (is_there && row["updatedAt"] == node["updatedAt"]).then_some(row)
    };
    let row = scene.ada.eventually(listed).await;
    assert_eq!((&row["id"], &row["version"]), (&json!(scene.node), &json!(2)));
    // The changes are counted as they come into the list, and there may be more or fewer of them than of versions.
    assert!(row["changeCount"].as_i64().unwrap() >= 1, "{row}");

    let back = scene.ada.post(&format!("{path}/rollback/{}", row["version"]), json!({})).await;
    let back = back.expect(StatusCode::OK);
    assert_eq!((&back["title"], &back["body"]), (&json!("Other plan"), &json!("Buy oat milk.")), "it is that one");
    let back = scene.ada.post(&format!("{path}/rollback/1"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&back["title"], &back["version"]), (&json!("Plan"), &json!(3)));
    let told = async || {
        let page = scene.ada.get(&format!("{path}/events")).await.expect(StatusCode::OK);
        let events = page["items"].as_array().unwrap().iter();
        let kept = events.filter(|event| event["type"] == "version_created");
        let versions: Vec<_> = kept.map(|event| event["payload"]["version"].clone()).collect();
        (versions == [1, 2, 3]).then_some(())
    };
    scene.ada.eventually(told).await;
}

#[tokio::test]
async fn what_is_pruned_from_a_canvas_is_in_no_version_and_no_event_either() {
    const SECRET: &str = "hunter2-in-the-title";
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    scene.is_listed().await;
    let orgs = scene.ada.get("/orgs").await.expect(StatusCode::OK);
    let hooks = format!("/orgs/{}/webhooks", orgs["items"][0]["id"].as_str().unwrap());
    scene.ada.post(&hooks, json!({"url": "https://hooks.example.com/glassbox"})).await.expect(StatusCode::CREATED);
    let metadata = json!({"note": SECRET, "assignees": [scene.ada.user["id"]]});
    let written = scene.write(&scene.bob, json!({"title": SECRET, "metadata": metadata})).await;
    let columns = [
        ("document_updates", "update"),
        ("node_versions", "snapshot::text::bytea"),
        ("events", "payload::text::bytea"),
        ("webhook_deliveries", "payload::text::bytea"),
        ("notifications", "convert_to(title, 'UTF8')"),
    ];
    let holds = async |(table, column): (&str, &str)| {
        let sql = format!("SELECT EXISTS (SELECT FROM {table} WHERE position('{SECRET}'::bytea IN {column}) > 0)");
        server.database().is_so(&sql).await
    };
    for place in columns {
        let told = async || holds(place).await.then_some(());
        scene.ada.eventually(told).await;
    }
    assert_eq!(written["title"], SECRET);
    scene.write(&scene.ada, json!({"title": "Plan B", "metadata": {"note": null}})).await;
    let name = format!("project:{}", scene.project);
    let summary = scene.ada.get(&format!("/documents/{name}/history")).await.expect(StatusCode::OK);
    let prune = json!({"fromSeq": 2, "throughSeq": summary["headSeq"]});
    scene.ada.post(&format!("/documents/{name}/history/prune"), prune).await.expect(StatusCode::OK);
    for place in columns {
        assert!(!holds(place).await, "it is still in {}", place.0);
    }
    let node = scene.ada.get(&format!("/nodes/{}", scene.node)).await.expect(StatusCode::OK);
    assert_eq!(node["title"], "Plan B");
}

/// A run on the scene's node that stands so (its status, when it began and when it was over), with what it noted and told.
async fn leave_a_run(server: &Server, scene: &Scene, standing: [&str; 3], words: &str) -> Uuid {
    let (run, [status, began, over]) = (Uuid::new_v4(), standing);
    let (project, node, user) = (&scene.project, &scene.node, scene.bob.id());
    let options = json!(ExecuteOptions::default());
    let data = json!({"call": 1, "promptSummary": null, "responseSummary": words});
    let trace = json!({"executionId": run, "event": {"seq": 1, "data": data}});
    let notification = json!({"notification": {"type": "human_input_needed", "title": "Title", "body": words}});
    let sql = format!(
        "INSERT INTO agent_executions (id, org_id, project_id, node_id, requested_by, agent_name, options, token_budget,
             status, steps, started_at, completed_at)
         SELECT '{run}', org_id, id, '{node}', '{user}', 'Agent', '{options}', 1000, '{status}', 1, {began}, {over}
         FROM projects WHERE id = '{project}';
         INSERT INTO agent_journal (execution_id, seq, org_id, entry, document_id, update)
         SELECT id, 1, org_id, '{data}', '{node}', '{words}' FROM agent_executions WHERE id = '{run}';
         INSERT INTO agent_trace_events (id, execution_id, org_id, seq, changed, event_type, event_data)
         SELECT gen_random_uuid(), id, org_id, 1, 1, 'llm_call', '{data}' FROM agent_executions WHERE id = '{run}';
         INSERT INTO notifications (org_id, user_id, kind, title, body, project_id, resource_type, resource_id)
         SELECT org_id, '{user}', 'human_input_needed', 'Title', '{words}', id, 'node', '{node}'
         FROM projects WHERE id = '{project}';
         SELECT append_events(org_id, ARRAY['trace', 'notification'], ARRAY[id, id], ARRAY['{node}', '{node}']::uuid[],
             ARRAY[NULL, '{user}']::uuid[], ARRAY['[]', '[]']::jsonb[], ARRAY['{trace}', '{notification}']::jsonb[])
         FROM projects WHERE id = '{project}'"
    );
    server.database().sabotage(&sql).await;
    run
}

#[tokio::test]
async fn what_was_told_long_after_what_is_pruned_keeps_its_words() {
    const WORDS: &str = "said-much-later";
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    scene.write(&scene.bob, json!({"title": "Plan B", "body": "Buy oat milk."})).await;
    server.database().sabotage("UPDATE document_updates SET received_at = received_at - interval '1 day'").await;
    leave_a_run(&server, &scene, ["failed", "now()", "now()"], WORDS).await;
    let prune = json!({"fromSeq": 2, "throughSeq": 2});
    for document in [format!("node:{}", scene.node), format!("project:{}", scene.project)] {
        scene.ada.post(&format!("/documents/{document}/history/prune"), prune.clone()).await.expect(StatusCode::OK);
        for (table, column) in [
            ("agent_journal", "update"),
            ("agent_trace_events", "event_data::text::bytea"),
            ("notifications", "body::bytea"),
            ("events", "payload::text::bytea"),
        ] {
            let sql = format!("SELECT EXISTS (SELECT FROM {table} WHERE position('{WORDS}'::bytea IN {column}) > 0)");
            assert!(server.database().is_so(&sql).await, "{document} {table}");
        }
    }
}

#[tokio::test]
async fn what_is_pruned_from_a_node_is_in_nothing_that_agents_said_or_noted_meanwhile() {
    const SECRET: &str = "hunter2-in-the-body";
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let orgs = scene.ada.get("/orgs").await.expect(StatusCode::OK);
    let hooks = format!("/orgs/{}/webhooks", orgs["items"][0]["id"].as_str().unwrap());
    scene.ada.post(&hooks, json!({"url": "https://hooks.example.com/glassbox"})).await.expect(StatusCode::CREATED);
    let before = ["failed", "now() - interval '2 days'", "now() - interval '1 day'"];
    let before = leave_a_run(&server, &scene, before, "Earlier").await;
    scene.write(&scene.bob, json!({"body": SECRET})).await;
    let run = leave_a_run(&server, &scene, ["failed", "now()", "now()"], SECRET).await;
    let at_work = leave_a_run(&server, &scene, ["running", "now()", "NULL"], "Meanwhile").await;
    scene.write(&scene.ada, json!({"body": "Buy milk."})).await;
    let columns = [
        ("agent_journal", "update"),
        ("agent_journal", "entry::text::bytea"),
        ("agent_trace_events", "event_data::text::bytea"),
        ("notifications", "body::bytea"),
        ("events", "payload::text::bytea"),
        ("webhook_deliveries", "payload::text::bytea"),
    ];
    let holds = async |(table, column): (&str, &str), words: &str| {
        let sql = format!("SELECT EXISTS (SELECT FROM {table} WHERE position('{words}'::bytea IN {column}) > 0)");
        server.database().is_so(&sql).await
    };
    for place in columns {
        assert!(holds(place, SECRET).await, "it is not in {}", place.0);
    }
    scene.ada.post(&scene.history("/prune"), json!({"fromSeq": 2, "throughSeq": 3})).await.expect(StatusCode::OK);
    for place in columns {
        assert!(!holds(place, SECRET).await, "it is still in {}", place.0);
    }
    let trace = async |run: Uuid| {
        let trace = scene.ada.get(&format!("/executions/{run}/trace")).await.expect(StatusCode::OK);
        trace["items"][0]["data"].clone()
    };
    let left = json!({"call": 1, "promptSummary": null, "responseSummary": null, "omitted": ["responseSummary"]});
    assert_eq!((trace(run).await, trace(at_work).await), (left.clone(), left));
    assert_eq!(trace(before).await["responseSummary"], "Earlier", "what was over before is left alone");
    for words in ["Earlier", "Meanwhile"] {
        assert!(holds(("agent_journal", "update"), words).await, "{words}");
    }
    let retry = async |run: Uuid| scene.ada.post(&format!("/executions/{run}/retry"), json!({})).await;
    retry(run).await.expect_problem(StatusCode::CONFLICT, "EXECUTION_STATE");
    retry(before).await.expect(StatusCode::ACCEPTED);
}

/// What a node's last version says of itself.
async fn last_version(client: &Client, node: &str) -> (i64, String, String) {
    let listed = client.get(&format!("/nodes/{node}/versions?limit=1")).await.expect(StatusCode::OK);
    let last = &listed["items"][0];
    let text = |key: &str| last[key].as_str().unwrap().to_owned();
    (last["version"].as_i64().unwrap(), text("changeType"), text("changeSummary"))
}

#[tokio::test]
async fn what_brings_a_node_back_makes_a_version_too() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let expect_last = async |version: i64, change: &str, summary: &str| {
        let expected = (version, change.to_owned(), summary.to_owned());
        assert_eq!(last_version(&scene.bob, &scene.node).await, expected);
    };
    scene.write(&scene.bob, json!({"body": "Buy oat milk."})).await;
    scene.ada.post(&scene.history("/restore"), json!({"seq": 1})).await.expect(StatusCode::OK);
    expect_last(3, "rollback", "Back to place 1 of its log").await;
    scene.ada.post(&scene.history("/undo"), json!({"fromSeq": 3})).await.expect(StatusCode::OK);
    expect_last(4, "updated", "Edits taken back").await;
    let nothing = scene.ada.post(&scene.history("/undo"), json!({"fromSeq": 99})).await.expect(StatusCode::OK);
    assert_eq!(nothing["changed"], false);
    expect_last(4, "updated", "Edits taken back").await;

    let path = format!("/nodes/{}", scene.node);
    scene.ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let name: DocumentName = format!("node:{}", scene.node).parse().unwrap();
    let bob = Arc::new(Principal::user(scene.bob.id().parse().unwrap(), "bob"));
    let node = document_access(&server.api.db, &bob, &name, server.api.mode).await.unwrap().unwrap().document;
    let write = Box::new(|txn: &mut yrs::TransactionMut<'_>| schema::node::set_body(txn, "Written in the trash."));
    server.api.documents.edit(&node, bob, None, write).await.unwrap();
    scene.ada.post(&format!("{path}/restore"), json!({})).await.expect(StatusCode::OK);
    expect_last(5, "updated", "Out of the trash").await;
}

#[tokio::test]
async fn what_is_brought_back_may_depend_on_what_the_caller_has_read() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let send = async |path: &str, tag: &str, body: Value| {
        let request = scene.ada.json(Method::POST, path).header(IF_MATCH, tag);
        scene.ada.send(request, body.to_string()).await
    };
    scene.write(&scene.bob, json!({"body": "Buy oat milk."})).await;
    for (path, body) in [("/restore", json!({"seq": 1})), ("/undo", json!({"fromSeq": 4}))] {
        let path = scene.history(path);
        let refused = send(&path, "\"1-1\"", body.clone()).await;
        refused.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        let present = refused.etag().to_owned();
        let changed = send(&path, &present, body.clone()).await;
        assert_eq!(changed.expect(StatusCode::OK)["changed"], true);
        assert_ne!(changed.etag(), present);
        send(&path, &present, body.clone())
            .await
            .expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        send(&path, "1-1", body).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
        scene.write(&scene.bob, json!({"body": "Buy oat milk."})).await;
    }
    let node = format!("/nodes/{}", scene.node);
    let before = scene.ada.get(&node).await.etag().to_owned();
    scene.write(&scene.bob, json!({"body": "Buy soy milk.", "title": "Other plan"})).await;
    let rollback = format!("{node}/rollback/1");
    let refused = send(&rollback, &before, Value::Null).await;
    refused.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(scene.body().await, "Buy soy milk.");
    let back = send(&rollback, refused.etag(), Value::Null).await.expect(StatusCode::OK);
    assert_eq!((&back["body"], &back["title"]), (&json!("Buy milk."), &json!("Plan")));
}

/// Changes a node's status on the canvas, as an editor does.
async fn restate(server: &Server, scene: &Scene, client: &Client, status: &'static str) {
    let principal = Arc::new(Principal::user(client.user["id"].as_str().unwrap().parse().unwrap(), "bob"));
    let name: DocumentName = format!("project:{}", scene.project).parse().unwrap();
    let canvas = document_access(&server.api.db, &principal, &name, server.api.mode).await.unwrap().unwrap().document;
    let node = scene.node.clone();
    let edit = Box::new(move |txn: &mut yrs::TransactionMut<'_>| {
        let nodes = txn.get_or_insert_map("nodes");
        let Some(Out::YMap(node)) = nodes.get(txn, &node) else { panic!("the node is on the canvas") };
        node.insert(txn, "status", status);
        Ok(())
    });
    server.api.documents.edit(&canvas, principal, None, edit).await.unwrap();
}

#[tokio::test]
async fn a_status_that_is_changed_in_the_canvas_makes_a_version_too() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    // The rows must know the node before, to see that something changes.
    let nodes = format!("/projects/{}/nodes", scene.project);
    let is_listed = async || {
        let page = scene.ada.get(&nodes).await.expect(StatusCode::OK);
        (!page["items"].as_array().unwrap().is_empty()).then_some(())
    };
    scene.ada.eventually(is_listed).await;
    restate(&server, &scene, &scene.bob, "in_progress").await;
    let versions = format!("/nodes/{}/versions", scene.node);
    let second = async || {
        let versions = scene.ada.get(&versions).await.expect(StatusCode::OK);
        (versions["items"].as_array().unwrap().len() == 2).then(|| versions["items"][0].clone())
    };
    let last = scene.ada.eventually(second).await;
    assert_eq!((&last["changeType"], &last["changeSummary"]), (&json!("status_change"), &json!("Status: in_progress")));
    assert_eq!(last["changedBy"], principal(&scene.bob));
}

#[tokio::test]
async fn what_cannot_be_told_is_said_and_strangers_see_nothing() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let eve = server.sign_in("eve").await;
    for path in ["", "/sessions", "/state", "/blame", "/diff?from=0", "/attributions", "/versions"] {
        assert_eq!(eve.get(&scene.history(path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (path, body) in [
        ("/restore", json!({"seq": 0})),
        ("/undo", json!({"fromSeq": 1})),
        ("/versions", json!({"name": "x"})),
        ("/prune", json!({"fromSeq": 1, "throughSeq": 1})),
    ] {
        assert_eq!(eve.post(&scene.history(path), body).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        "/state?seq=99",
        "/state?seq=1&at=2026-01-01T00:00:00Z",
        "/diff",
        "/diff?from=1&to=0",
        "/blame?seq=-1",
        "/blame?from=2&to=1",
        "/sessions?limit=0",
    ] {
        assert_eq!(scene.ada.get(&scene.history(path)).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for (path, body) in [
        ("/undo", json!({})),
        ("/undo", json!({"principals": ["ada"]})),
        ("/restore", json!({})),
        ("/prune", json!({"fromSeq": 2, "throughSeq": 1})),
        ("/restore", json!({"seq": 0, "part": "nothing"})),
    ] {
        assert_eq!(scene.ada.post(&scene.history(path), body).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}
