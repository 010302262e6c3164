//! Templates.

use std::sync::Arc;

use http::{Method, StatusCode};
use platform::access::document_access;
use platform::auth::Principal;
use schema::canvas::{CanvasPatch, NewNode};
use schema::ids::{DocumentName, NodeId};
use serde_json::{Value, json};
use yrs::{Array, WriteTxn};

use crate::server::{Client, Server};

fn structure() -> Value {
    json!({
        "parameters": [{"name": "topic", "label": "What about?"}],
        "nodes": [
            {"key": "a", "title": "About {{topic}}", "body": "Everything on {{topic}}.", "x": 10, "y": 20},
            {"key": "b", "title": "Part", "parent": "a", "authorType": "agent", "x": 300,
             "inputs": [{"source": "a", "label": "whole"}], "outputs": [{"label": "result", "text": "none yet"}]}
        ],
        "dependencies": [{"source": "a", "target": "b"}]
    })
}

async fn create(client: &Client, org: &str, body: Value) -> Value {
    client.post(&format!("/orgs/{org}/templates"), body).await.expect(StatusCode::CREATED)
}

#[tokio::test]
async fn a_template_is_made_read_changed_and_deleted() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let template =
        create(&ada, &org, json!({"name": "T", "structure": structure(), "agentConfig": {"model": "m"}})).await;
    let path = format!("/templates/{}", template["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK), template);
    assert_eq!(template["structure"]["nodes"][0]["title"], "About {{topic}}");
    let changed = ada.patch(&path, json!({"name": "U", "description": null, "agentConfig": null})).await;
    let changed = changed.expect(StatusCode::OK);
    assert_eq!((&changed["name"], &changed["agentConfig"]), (&json!("U"), &json!({})));
    assert_eq!(changed["structure"], template["structure"]);
    ada.patch(&path, json!({"name": null})).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let listed = ada.get(&format!("/orgs/{org}/templates?sort=-name")).await.expect(StatusCode::OK);
    assert_eq!(listed["items"], json!([changed]));

    let bob = server.sign_in("bob").await;
    bob.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let member = json!({"email": "bob@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    bob.get(&path).await.expect(StatusCode::OK);
    bob.delete(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    ada.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_template_that_cannot_be_applied_is_refused() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/templates");
    for body in [
        json!({"name": "T"}),
        json!({"name": "T", "structure": {"nodes": []}}),
        json!({"name": "T", "structure": {"nodes": [{"key": "a", "title": "{{x}}"}]}}),
        json!({"name": "T", "structure": {"nodes": [{"key": "a", "title": "\u{0}"}]}}),
        json!({"name": "T", "structure": structure(), "agentConfig": {"a": "\u{0}"}}),
        json!({"name": "T", "structure": structure(), "fromNodes": {"projectId": org, "nodeIds": []}}),
    ] {
        let answer = ada.post(&path, body).await;
        answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn an_applied_template_is_nodes_with_content_and_dependencies_made_once_for_a_key() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let template = create(&ada, &org, json!({"name": "T", "structure": structure()})).await;
    let path = format!("/templates/{}/apply", template["id"].as_str().unwrap());
    let missing = ada.post(&path, json!({"projectId": project})).await;
    let missing = missing.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(missing["errors"][0]["field"], "parameters");
    let apply = async || {
        let body = json!({"projectId": project, "position": {"x": 100, "y": 0}, "parameters": {"topic": "cats"}});
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k");
        ada.send(request, body.to_string()).await.expect(StatusCode::CREATED)
    };
    let applied = apply().await;
    assert_eq!(apply().await, applied);
    let ids: Vec<&str> = applied["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let first = ada.get(&format!("/nodes/{}", ids[0])).await.expect(StatusCode::OK);
    assert_eq!((&first["title"], &first["position"]), (&json!("About cats"), &json!({"x": 110.0, "y": 20.0})));
    assert_eq!(first["body"].as_str().unwrap().trim_end(), "Everything on cats.");
    let versions = ada.get(&format!("/nodes/{}/versions", ids[0])).await.expect(StatusCode::OK);
    let told: Vec<_> = versions["items"].as_array().unwrap().iter().map(|it| it["changeSummary"].clone()).collect();
    assert_eq!(told, ["Created from a template"]);
    let second = ada.get(&format!("/nodes/{}", ids[1])).await.expect(StatusCode::OK);
    assert_eq!((&second["parentId"], &second["authorType"]), (&json!(ids[0]), &json!("agent")));
    assert_eq!((second["inputs"].as_array().unwrap().len(), second["outputs"].as_array().unwrap().len()), (1, 1));
    assert_eq!(second["inputs"][0]["sourceNodeId"], json!(ids[0]));
    let graph = ada.get(&format!("/nodes/{}/dependencies", ids[0])).await.expect(StatusCode::OK);
    assert_eq!(graph["dependencies"][0]["id"], applied["dependencyIds"][0]);

    // What it made can be made a template of, and applied again.
    let selection = json!({"projectId": project, "nodeIds": ids});
    let again = create(&ada, &org, json!({"name": "Again", "fromNodes": selection})).await;
    assert_eq!(again["structure"]["dependencies"], json!([{"source": "node1", "target": "node2"}]));
    let path = format!("/templates/{}/apply", again["id"].as_str().unwrap());
    let applied = ada.post(&path, json!({"projectId": project})).await.expect(StatusCode::CREATED);
    assert_eq!(applied["nodes"][0]["title"], "About cats");
    let (_, _, elsewhere) = server.with_project("eve").await;
    ada.post(&path, json!({"projectId": elsewhere})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

/// A canvas as it is, with where it stands.
async fn canvas(client: &Client, project: &str) -> (Value, String) {
    let answer = client.get(&format!("/documents/project:{project}/snapshot?format=json")).await;
    (answer.expect(StatusCode::OK), answer.etag().to_owned())
}

#[tokio::test]
async fn a_template_that_does_not_fit_leaves_nothing_behind() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let template = create(&ada, &org, json!({"name": "T", "structure": structure()})).await;
    let path = format!("/templates/{}/apply", template["id"].as_str().unwrap());
    let before = canvas(&ada, &project).await;
    let parameters = json!({"topic": "cats"});
    let body = json!({"projectId": project, "parentId": uuid::Uuid::new_v4(), "parameters": parameters});
    ada.post(&path, body).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(canvas(&ada, &project).await, before);

    // Also when it is the last of several edits that cannot be made.
    let ada_herself = Arc::new(Principal::user(ada.id().parse().unwrap(), "ada"));
    let name = DocumentName::Project(project.parse().unwrap());
    let granted = document_access(&server.api.db, &ada_herself, &name, server.api.mode).await.unwrap().unwrap();
    let id = NodeId::new(uuid::Uuid::new_v4());
    let node = Box::new(NewNode { title: "First".to_owned(), ..NewNode::default() });
    let gone = NodeId::new(uuid::Uuid::new_v4());
    let edits = vec![CanvasPatch::CreateNode { id, node }, CanvasPatch::DeleteNode { id: gone }];
    assert!(server.api.edit_canvas(&granted.document, &ada_herself, None, edits).await.is_err());
    assert_eq!(canvas(&ada, &project).await, before);
}

#[tokio::test]
async fn a_repeated_request_completes_what_was_written_only_in_part() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let template = create(&ada, &org, json!({"name": "T", "structure": structure()})).await;
    let path = format!("/templates/{}/apply", template["id"].as_str().unwrap());
    let apply = async || {
        let body = json!({"projectId": project, "parameters": {"topic": "cats"}});
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k");
        ada.send(request, body.to_string()).await.expect(StatusCode::CREATED)
    };
    let applied = apply().await;
    let id = |index: usize| applied["nodes"][index]["id"].as_str().unwrap().to_owned();
    ada.patch(&format!("/nodes/{}", id(0)), json!({"body": "Of my own."})).await.expect(StatusCode::OK);
    // As if the server had ended before it came to the second node.
    let ada_herself = Arc::new(Principal::user(ada.id().parse().unwrap(), "ada"));
    let name = DocumentName::Node(id(1).parse().unwrap());
    let granted = document_access(&server.api.db, &ada_herself, &name, server.api.mode).await.unwrap().unwrap();
    let empty = Box::new(|txn: &mut yrs::TransactionMut<'_>| {
        for items in ["inputs", "outputs"] {
            let items = txn.get_or_insert_array(items);
            let count = items.len(txn);
            items.remove_range(txn, 0, count);
        }
        Ok(())
    });
    server.api.documents.edit(&granted.document, ada_herself, None, empty).await.unwrap();

    assert_eq!(apply().await, applied);
    let second = ada.get(&format!("/nodes/{}", id(1))).await.expect(StatusCode::OK);
    assert_eq!((second["inputs"].as_array().unwrap().len(), second["outputs"].as_array().unwrap().len()), (1, 1));
    let first = ada.get(&format!("/nodes/{}", id(0))).await.expect(StatusCode::OK);
    assert_eq!(first["body"].as_str().unwrap().trim_end(), "Of my own.", "what is there already stays");
    assert_eq!(canvas(&ada, &project).await.0["nodes"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn templates_come_with_the_server_and_stay_as_they_are() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let listed = ada.get("/templates").await.expect(StatusCode::OK);
    let templates = listed["items"].as_array().unwrap();
    assert!(templates.len() >= 4);
    for template in templates {
        let path = format!("/templates/{}", template["id"].as_str().unwrap());
        ada.patch(&path, json!({"name": "Mine"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
        let parameters = template["structure"]["parameters"].as_array().unwrap();
        let values: serde_json::Map<String, Value> =
            parameters.iter().map(|it| (it["name"].as_str().unwrap().to_owned(), json!("something"))).collect();
        let body = json!({"projectId": project, "parameters": values});
        ada.post(&format!("{path}/apply"), body).await.expect(StatusCode::CREATED);
    }
}
