//! Who is said to have acted: people, agents and programs, each by their name.

use std::sync::Arc;

use http::StatusCode;
use platform::auth::Principal;
use platform::db::documents;
use schema::ids::{DocumentName, NodeId};
use serde_json::{Value, json};

use crate::history::{Scene, principal};
use crate::server::{Client, Server};

/// Writes the body of the scene's node as a run of an agent, as its worker would.
async fn write_as_agent(server: &Server, scene: &Scene, text: &'static str) -> String {
    let asked = json!({"agentName": "Critic"});
    let run = scene.ada.post(&format!("/nodes/{}/execute", scene.node), asked).await.expect(StatusCode::ACCEPTED);
    let run = run["id"].as_str().unwrap().to_owned();
    let user = scene.ada.id().parse().unwrap();
    // What the worker calls it is not what is told: the run's row is.
    let agent = Arc::new(Principal::run(run.parse().unwrap(), 1, user, "Somebody else"));
    let name = DocumentName::Node(scene.node.parse::<NodeId>().unwrap());
    let document = documents::find(&server.api.db, user, &name).await.unwrap().unwrap();
    let patch = Box::new(move |txn: &mut yrs::TransactionMut<'_>| schema::node::set_body(txn, text));
    server.api.documents.edit(&document, agent, None, patch).await.unwrap();
    format!("agent:{run}")
}

async fn program(server: &Server, scene: &Scene, name: &str) -> (String, Client) {
    let org = scene.ada.get("/orgs").await.expect(StatusCode::OK)["items"][0]["id"].as_str().unwrap().to_owned();
    let asked = json!({"name": name, "scopes": ["api:write"]});
    let made = scene.ada.post(&format!("/orgs/{org}/api-keys"), asked).await.expect(StatusCode::CREATED);
    (format!("api_key:{}", made["id"].as_str().unwrap()), server.program(made["key"].as_str().unwrap()))
}

#[tokio::test]
async fn agents_and_programs_are_called_by_their_names() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let (import, by_import) = program(&server, &scene, "Nightly import").await;
    let (report, by_report) = program(&server, &scene, "Weekly report").await;
    scene.write(&by_import, json!({"body": "Buy milk. Import."})).await;
    scene.write(&by_report, json!({"body": "Buy milk. Import. Report."})).await;
    let critic = write_as_agent(&server, &scene, "Buy milk. Import. Report. Critique.").await;
    // A key that is revoked has written what it has written.
    server.database().sabotage("UPDATE api_keys SET revoked_at = now() WHERE name = 'Weekly report'").await;

    let expected = [
        (principal(&scene.ada), "user", scene.ada.user["name"].clone()),
        (import, "api_key", json!("Nightly import")),
        (report, "api_key", json!("Weekly report")),
        (critic, "agent", json!("Critic")),
    ];
    for path in ["/sessions", "/blame?part=body", "/diff?from=0"] {
        let authors = scene.ada.get(&scene.history(path)).await.expect(StatusCode::OK)["authors"].clone();
        for (who, kind, name) in &expected {
            assert_eq!((&authors[who]["kind"], &authors[who]["name"]), (&json!(kind), name), "{path}: {authors}");
        }
        assert_eq!(authors.as_object().unwrap().len(), expected.len(), "{path}: {authors}");
    }
    let versions = scene.ada.get(&format!("/nodes/{}/versions", scene.node)).await.expect(StatusCode::OK);
    let by = |item: &Value| versions["authors"][item["changedBy"].as_str().unwrap()]["name"].clone();
    let told: Vec<Value> = versions["items"].as_array().unwrap().iter().map(by).collect();
    assert!(told.contains(&json!("Nightly import")) && told.contains(&json!("Weekly report")), "{versions}");
}
