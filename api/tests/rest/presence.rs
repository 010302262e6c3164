//! Who is in a document, as streams of events tell it.

use std::sync::Arc;

use documents::delivery::{Delivery, Sink, Taken};
use documents::room::{Activity, Mode};
use documents::{Newcomer, Session};
use http::StatusCode;
use http::header::ACCEPT;
use platform::access::{Access, document_access};
use platform::auth::Principal;
use schema::ids::DocumentName;
use serde_json::{Value, json};

use crate::event_source::{EventSource, Message};
use crate::history::Scene;
use crate::server::{Client, Server};

/// Somebody who does not listen.
struct Deaf;

impl Sink for Deaf {
    fn deliver(&self, _: &Delivery) -> Taken {
        Taken::Yes
    }
}

/// Enters a document, as a socket does.
async fn enter(server: &Server, client: &Client, name: &str) -> Session {
    let name: DocumentName = name.parse().unwrap();
    let principal = Arc::new(Principal::user(client.id().parse().unwrap(), "Bob"));
    let granted = document_access(&server.api.db, &principal, &name, server.api.mode).await.unwrap().unwrap();
    let sink = Arc::new(Deaf);
    let newcomer = Newcomer { principal, access: Access::Write, mode: Mode::Watch, replica_epoch: None, sink };
    server.api.documents.attach(&granted.document, newcomer).await.unwrap()
}

/// Who a message says is there, and what they do.
fn told(message: &Message) -> Vec<(String, String)> {
    assert_eq!((message.event.as_deref(), &message.id), (Some("presence_update"), &None), "nobody comes back to it");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let users = message.data["users"].as_array().unwrap();
    users.iter().map(|user| (text(&user["userId"]), text(&user["action"]))).collect()
}

#[tokio::test]
async fn a_stream_tells_who_is_there_at_once_and_whenever_that_changes() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let bob = |action: &str| vec![(scene.bob.id().to_owned(), action.to_owned())];
    let places = [("projects", "project", &scene.project), ("nodes", "node", &scene.node)];
    for (of, kind, id) in places {
        let channel = format!("{kind}:{id}");
        // Of types that do not happen here: nothing else is told.
        let path = format!("/{of}/{id}/events?types=project_deleted&presence=true");
        let mut stream = EventSource::open(&scene.ada, &path, None).await;
        let first = stream.event().await;
        assert_eq!(told(&first), [], "who reads a stream is not there by that");
        let node_id = if kind == "node" { json!(id) } else { Value::Null };
        assert_eq!((&first.data["channel"], &first.data["nodeId"]), (&json!(channel), &node_id));

        let session = enter(&server, &scene.bob, &channel).await;
        session.presence(Activity::Viewing).await.unwrap();
        let entered = stream.event().await;
        assert_eq!(told(&entered), bob("viewing"));
        let user = &entered.data["users"][0];
        assert_eq!((&user["name"], &user["kind"]), (&json!("Bob"), &json!("human")));
        assert!(user["color"].as_str().unwrap().starts_with('#'));
        session.presence(Activity::Editing).await.unwrap();
        assert_eq!(told(&stream.event().await), bob("editing"));

        let mut late = EventSource::open(&scene.ada, &path, stream.last_id.as_deref()).await;
        assert_eq!(told(&late.event().await), bob("editing"), "what is so now, whoever comes back");
        drop(session);
        for stream in [&mut stream, &mut late] {
            assert_eq!(told(&stream.event().await), []);
        }
    }
}

#[tokio::test]
async fn presence_is_told_by_streams_of_documents_that_are_asked_for_it() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let orgs = scene.ada.get("/orgs").await.expect(StatusCode::OK);
    let org = orgs["items"][0]["id"].as_str().unwrap().to_owned();
    let project = format!("/projects/{}/events", scene.project);
    // A page holds what is past.
    let page = scene.ada.get(&format!("{project}?presence=true")).await;
    page.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    for path in [format!("/orgs/{org}/events"), "/users/me/events".to_owned()] {
        let request = scene.ada.request(http::Method::GET, &format!("{path}?presence=true"));
        let refused = scene.ada.send(request.header(ACCEPT, "text/event-stream"), "").await;
        refused.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }

    scene.is_listed().await;
    let mut silent = EventSource::open(&scene.ada, &format!("{project}?types=node_deleted"), None).await;
    let mut telling = EventSource::open(&scene.ada, &format!("{project}?types=node_deleted&presence=true"), None).await;
    let session = enter(&server, &scene.bob, &format!("project:{}", scene.project)).await;
    session.presence(Activity::Viewing).await.unwrap();
    while told(&telling.event().await).is_empty() {}
    scene.ada.delete(&format!("/nodes/{}", scene.node)).await.expect(StatusCode::NO_CONTENT);
    for stream in [&mut silent, &mut telling] {
        assert_eq!(stream.event().await.event.as_deref(), Some("node_deleted"));
    }
}
