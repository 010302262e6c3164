//! What depends on what, what lies in what, and the trash.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Client, Server};

async fn node(client: &Client, project: &str, body: Value) -> String {
    let node = client.post(&format!("/projects/{project}/nodes"), body).await.expect(StatusCode::CREATED);
    node["id"].as_str().unwrap().to_owned()
}

/// Three nodes, of which each takes from the one before.
struct Chain {
    server: Server,
    ada: Client,
    project: String,
    nodes: Vec<String>,
    edges: Vec<String>,
}

impl Chain {
    async fn new() -> Self {
        let server = Server::start().await;
        let (ada, _, project) = server.with_project("ada").await;
        let mut chain = Self { server, ada, project, nodes: Vec::new(), edges: Vec::new() };
        for title in ["one", "two", "three"] {
            chain.nodes.push(node(&chain.ada, &chain.project, json!({"title": title})).await);
        }
        for at in 1..3 {
            let edge = chain.join(at - 1, at).await.expect(StatusCode::CREATED);
            chain.edges.push(edge["id"].as_str().unwrap().to_owned());
        }
        chain
    }

    fn path(&self) -> String {
        format!("/projects/{}/dependencies", self.project)
    }

    async fn join(&self, source: usize, target: usize) -> crate::server::Answer {
        let body = json!({"sourceNodeId": self.nodes[source], "targetNodeId": self.nodes[target]});
        self.ada.post(&self.path(), body).await
    }

    async fn around(&self, of: usize, query: &str) -> Value {
        self.ada.get(&format!("/nodes/{}/dependencies?{query}", self.nodes[of])).await.expect(StatusCode::OK)
    }
}

fn titles(graph: &Value) -> Vec<&str> {
    let mut titles: Vec<&str> =
        graph["nodes"].as_array().unwrap().iter().map(|node| node["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    titles
}

#[tokio::test]
async fn the_graph_around_a_node_is_read_as_far_as_asked() {
    let chain = Chain::new().await;
    let graph = chain.around(1, "").await;
    assert_eq!((titles(&graph), &graph["truncated"]), (vec!["one", "three", "two"], &json!(false)));
    assert_eq!(graph["dependencies"].as_array().unwrap().len(), 2);
    let first = graph["nodes"].as_array().unwrap().iter().find(|node| node["title"] == "one").unwrap();
    assert_eq!((&first["upstream"], &first["downstream"]), (&json!(1), &Value::Null));
    assert_eq!(titles(&chain.around(1, "direction=upstream").await), ["one", "two"]);
    assert_eq!(titles(&chain.around(1, "direction=downstream").await), ["three", "two"]);
    let near = chain.around(0, "depth=1").await;
    assert_eq!((titles(&near), &near["truncated"]), (vec!["one", "two"], &json!(true)));
    for query in ["depth=0", "depth=51", "direction=sideways"] {
        let answer = chain.ada.get(&format!("/nodes/{}/dependencies?{query}", chain.nodes[0])).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn a_dependency_that_would_close_a_cycle_is_refused_and_one_can_be_taken_away() {
    let chain = Chain::new().await;
    chain.join(2, 0).await.expect_problem(StatusCode::CONFLICT, "CYCLE");
    chain.join(1, 1).await.expect_problem(StatusCode::CONFLICT, "CYCLE");
    chain.join(0, 1).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    let nobody = json!({"sourceNodeId": chain.nodes[0], "targetNodeId": chain.project});
    chain.ada.post(&chain.path(), nobody).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let edge = format!("{}/{}", chain.path(), chain.edges[0]);
    chain.ada.delete(&edge).await.expect(StatusCode::NO_CONTENT);
    chain.ada.delete(&edge).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    chain.join(2, 0).await.expect(StatusCode::CREATED);
    let stranger = chain.server.sign_in("mallory").await;
    stranger.get(&chain.path()).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    stranger.delete(&edge).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_dependency_is_drawn_once_for_a_key() {
    let chain = Chain::new().await;
    let send = async || {
        let request = chain.ada.json(Method::POST, &chain.path()).header("Idempotency-Key", "k");
        let body = json!({"sourceNodeId": chain.nodes[0], "targetNodeId": chain.nodes[2]}).to_string();
        chain.ada.send(request, body).await.expect(StatusCode::CREATED)
    };
    assert_eq!(send().await, send().await);
}

#[tokio::test]
async fn dependencies_and_children_are_listed() {
    let chain = Chain::new().await;
    let inside = json!({"title": "inside", "parentId": chain.nodes[0]});
    node(&chain.ada, &chain.project, inside).await;
    let children = format!("/nodes/{}/children", chain.nodes[0]);
    let lists_follow = async || {
        let edges = chain.ada.get(&chain.path()).await.expect(StatusCode::OK);
        let children = chain.ada.get(&children).await.expect(StatusCode::OK);
        let counts = [&edges, &children].map(|list| list["items"].as_array().unwrap().len());
        (counts == [2, 1]).then_some(())
    };
    chain.ada.eventually(lists_follow).await;
    let of_two = chain.ada.get(&format!("{}?targetNodeId={}", chain.path(), chain.nodes[1])).await;
    assert_eq!(of_two.expect(StatusCode::OK)["items"][0]["id"], json!(chain.edges[0]));
    let page = chain.ada.get(&format!("{}?limit=1&sort=-targetNodeId", chain.path())).await.expect(StatusCode::OK);
    let next = format!("{}?limit=1&sort=-targetNodeId&cursor={}", chain.path(), page["nextCursor"].as_str().unwrap());
    let next = chain.ada.get(&next).await.expect(StatusCode::OK);
    assert_ne!(page["items"][0]["id"], next["items"][0]["id"]);
    assert_eq!(next["nextCursor"], Value::Null);
}

#[tokio::test]
async fn a_node_comes_back_from_the_trash_with_its_dependencies() {
    let chain = Chain::new().await;
    let two = format!("/nodes/{}", chain.nodes[1]);
    chain.ada.patch(&two, json!({"body": "kept"})).await.expect(StatusCode::OK);
    chain.ada.delete(&two).await.expect(StatusCode::NO_CONTENT);
    chain.ada.get(&two).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    chain.ada.delete(&two).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(titles(&chain.around(0, "").await), ["one"]);
    let restore = format!("{two}/restore");
    let back = chain.ada.send(chain.ada.request(Method::POST, &restore), axum::body::Body::empty()).await;
    let back = back.expect(StatusCode::OK);
    assert_eq!((&back["title"], back["body"].as_str().unwrap().trim_end()), (&json!("two"), "kept"));
    assert_eq!(titles(&chain.around(0, "").await), ["one", "three", "two"]);
    let again = chain.ada.send(chain.ada.request(Method::POST, &restore), axum::body::Body::empty()).await;
    assert_eq!(again.expect(StatusCode::OK), back);
}
