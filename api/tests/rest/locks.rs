//! Locks of nodes.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Answer, Client, Server};

/// A project with a node, its administrator, and a member.
struct Scene {
    server: Server,
    ada: Client,
    bob: Client,
    org: String,
    project: String,
    lock: String,
    node: String,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let (ada, org, project) = server.with_project("ada").await;
        let bob = server.sign_in("bob").await;
        let member = json!({"email": "bob@example.com", "role": "member"});
        ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
        let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "N"})).await;
        let node = format!("/nodes/{}", node.expect(StatusCode::CREATED)["id"].as_str().unwrap());
        Self { server, ada, bob, org, project, lock: format!("{node}/lock"), node }
    }

    async fn take(&self, client: &Client) -> Answer {
        client.send(client.request(Method::POST, &self.lock), Body::empty()).await
    }
}

#[tokio::test]
async fn a_lock_is_taken_by_one_shown_to_all_and_given_back() {
    let scene = Scene::new().await;
    assert_eq!(scene.bob.get(&scene.lock).await.expect(StatusCode::OK), json!({"lock": null}));
    let lock = scene.take(&scene.ada).await.expect(StatusCode::OK);
    assert_eq!((&lock["lockedBy"], &lock["fencingToken"]), (&scene.ada.user["id"], &json!(1)));
    assert_eq!(scene.bob.get(&scene.lock).await.expect(StatusCode::OK)["lock"], lock);
    let again = scene.take(&scene.ada).await.expect(StatusCode::OK);
    assert_eq!(again["fencingToken"], 1, "to take it again makes it last longer");
    let refused = scene.take(&scene.bob).await.expect_problem(StatusCode::CONFLICT, "LOCK_HELD");
    assert_eq!(refused["lock"]["holder"]["id"], scene.ada.user["id"]);
    let locks = scene.bob.get(&format!("/projects/{}/locks", scene.project)).await.expect(StatusCode::OK);
    assert_eq!(locks["items"], json!([again]));
    scene.bob.delete(&scene.lock).await.expect_problem(StatusCode::CONFLICT, "LOCK_HELD");
    scene.bob.patch(&scene.node, json!({"body": "an advisory lock refuses nothing"})).await.expect(StatusCode::OK);
    scene.ada.delete(&scene.lock).await.expect(StatusCode::NO_CONTENT);
    scene.ada.delete(&scene.lock).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(scene.take(&scene.bob).await.expect(StatusCode::OK)["fencingToken"], 2);

    let stranger = scene.server.sign_in("mallory").await;
    for answer in [scene.take(&stranger).await, stranger.get(&scene.lock).await, stranger.delete(&scene.lock).await] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn who_waits_for_a_lock_is_told_once_when_it_is_free() {
    let scene = Scene::new().await;
    scene.take(&scene.ada).await.expect(StatusCode::OK);
    let wait = scene.bob.request(Method::POST, &format!("{}?notify=true", scene.lock));
    scene.bob.send(wait, Body::empty()).await.expect_problem(StatusCode::CONFLICT, "LOCK_HELD");
    scene.ada.delete(&scene.lock).await.expect(StatusCode::NO_CONTENT);
    let told = async || scene.bob.get("/users/me/notifications").await.expect(StatusCode::OK)["items"].clone();
    let items = told().await;
    assert_eq!((items.as_array().unwrap().len(), &items[0]["type"]), (1, &json!("lock_released")));
    assert_eq!(items[0]["actors"], json!([{"kind": "user", "id": scene.ada.user["id"]}]));
    scene.take(&scene.ada).await.expect(StatusCode::OK);
    scene.ada.delete(&scene.lock).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(told().await, items);
}

#[tokio::test]
async fn an_administrator_may_take_a_lock_away_and_that_is_noted() {
    let scene = Scene::new().await;
    let by_force = format!("{}?force=true", scene.lock);
    scene.take(&scene.ada).await.expect(StatusCode::OK);
    scene.bob.delete(&by_force).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    scene.ada.delete(&by_force).await.expect(StatusCode::NO_CONTENT);
    scene.take(&scene.bob).await.expect(StatusCode::OK);
    scene.ada.delete(&by_force).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(scene.ada.get(&scene.lock).await.expect(StatusCode::OK)["lock"], Value::Null);
    let log = scene.ada.get(&format!("/orgs/{}/audit-log", scene.org)).await.expect(StatusCode::OK);
    let forced = |entry: &&Value| entry["action"] == "lock.released_by_force";
    assert_eq!(log["items"].as_array().unwrap().iter().filter(forced).count(), 2, "{log}");
}

#[tokio::test]
async fn an_enforced_lock_keeps_others_from_writing_until_it_runs_out() {
    let scene = Scene::new().await;
    let mode = format!(r#"UPDATE projects SET settings = '{{"lockMode": "enforced"}}' WHERE id = '{}'"#, scene.project);
    scene.server.database().sabotage(&mode).await;
    assert_eq!(scene.take(&scene.ada).await.expect(StatusCode::OK)["enforced"], true);
    let body = json!({"body": "new"});
    let refused = scene.bob.patch(&scene.node, body.clone()).await;
    let refused = refused.expect_problem(StatusCode::LOCKED, "LOCKED");
    assert!(refused["detail"].as_str().unwrap().contains("ada"), "{refused}");
    scene.ada.patch(&scene.node, body.clone()).await.expect(StatusCode::OK);
    scene.bob.patch(&scene.node, json!({"title": "The canvas stays open to all"})).await.expect(StatusCode::OK);
    scene.server.database().sabotage("UPDATE node_locks SET expires_at = now() - interval '1 second'").await;
    // A lock that has run out is ended.
    let taken = async || {
        let answer = scene.bob.patch(&scene.node, json!({"body": "newer"})).await;
        (answer.status == StatusCode::OK).then_some(())
    };
    scene.bob.eventually(taken).await;
}
