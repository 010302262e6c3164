//! The demo.

use api::demo::seed_demo;
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{Client, Server};

async fn canvas(client: &Client, project: impl std::fmt::Display) -> Value {
    client.get(&format!("/documents/project:{project}/snapshot")).await.expect(StatusCode::OK)
}

fn node_id_of(canvas: &Value, title: &str) -> String {
    let nodes = canvas["nodes"].as_object().unwrap();
    nodes.iter().find(|(_, node)| node["title"] == title).map(|(id, _)| id.clone()).unwrap()
}

#[tokio::test]
async fn the_demo_is_a_project_of_linked_nodes_with_text() {
    let server = Server::start().await;
    let demo = seed_demo(&server.api).await.unwrap().unwrap();
    let client = server.sign_in_with("demo@glassbox.dev").await;
    let orgs = client.get("/orgs").await.expect(StatusCode::OK);
    assert_eq!((&orgs["items"][0]["name"], &orgs["items"][0]["id"]), (&json!("Demo"), &json!(demo.org)));
    let project = client.get(&format!("/projects/{}", demo.project)).await.expect(StatusCode::OK);
    assert_eq!(project["name"], "Launch plan");

    let canvas = canvas(&client, demo.project).await;
    let nodes = canvas["nodes"].as_object().unwrap();
    assert_eq!(nodes.len(), 7);
    assert_eq!((&canvas["conflicts"], &canvas["problems"]), (&json!([]), &json!([])));
    let edges = canvas["edges"].as_object().unwrap();
    for id in nodes.keys() {
        let is_linked =
            edges.values().any(|edge| edge["sourceNodeId"] == json!(id) || edge["targetNodeId"] == json!(id));
        assert!(is_linked, "{id} stands alone");
        let node = client.get(&format!("/nodes/{id}")).await.expect(StatusCode::OK);
        let body = node["body"].as_str().unwrap();
        assert!(body.starts_with("# ") && body.len() > 300, "{body}");
        assert!(node["metadata"]["tags"].is_array() && node["metadata"]["dueDate"].is_string(), "{node}");
        let snapshot = client.get(&format!("/documents/node:{id}/snapshot")).await.expect(StatusCode::OK);
        assert_eq!(snapshot["problems"], json!([]));
    }
    let research = client.get(&format!("/nodes/{}", node_id_of(&canvas, "Market research"))).await.json();
    assert!(research["body"].as_str().unwrap().contains("| Tool"), "{research}");
    assert!(!research["inputs"].as_array().unwrap().is_empty() && !research["outputs"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_second_start_changes_nothing_that_people_did() {
    let server = Server::start().await;
    let demo = seed_demo(&server.api).await.unwrap().unwrap();
    let client = server.sign_in_with("demo@glassbox.dev").await;
    let before = canvas(&client, demo.project).await;
    let renamed = format!("/nodes/{}", node_id_of(&before, "Pricing"));
    client.patch(&renamed, json!({"title": "Prices", "body": "ours"})).await.expect(StatusCode::OK);
    let deleted = format!("/nodes/{}", node_id_of(&before, "Retrospective"));
    assert_eq!(client.delete(&deleted).await.status, StatusCode::NO_CONTENT);
    let after = canvas(&client, demo.project).await;

    assert_eq!(seed_demo(&server.api).await.unwrap(), Some(demo));
    assert_eq!(canvas(&client, demo.project).await, after);
    assert_eq!(client.get(&renamed).await.json()["body"].as_str().unwrap().trim_end(), "ours");
    assert_eq!(client.get("/orgs").await.json()["items"].as_array().unwrap().len(), 1);
}
