//! What people are told, and what they have read of it.

use http::StatusCode;
use platform::auth::PrincipalRef;
use platform::db::notifications::{self, AboutNode, NotificationKind};
use serde_json::{Value, json};

use crate::server::{Client, Server};

async fn unread(client: &Client) -> u64 {
    let count = client.get("/users/me/notifications/unread-count").await.expect(StatusCode::OK);
    count["unread"].as_u64().unwrap()
}

/// Waits until somebody has so many unread notifications, and returns all they have.
async fn told(client: &Client, count: u64) -> Vec<Value> {
    client.eventually(async || (unread(client).await >= count).then_some(())).await;
    let page = client.get("/users/me/notifications").await.expect(StatusCode::OK);
    let items = page["items"].as_array().unwrap().clone();
    assert_eq!(items.len() as u64, count, "{items:?}");
    items
}

/// A project of Ada's organization with Bob as a member and Gus as a guest who does not see the project.
async fn team(server: &Server) -> (Client, Client, Client, String, String) {
    let (ada, org, project) = server.with_project("ada").await;
    let (bob, gus) = (server.sign_in("bob").await, server.sign_in("gus").await);
    for (email, role) in [("bob@example.com", "member"), ("gus@example.com", "guest")] {
        let body = json!({"email": email, "role": role});
        ada.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
    }
    (ada, bob, gus, org, project)
}

#[tokio::test]
async fn who_is_assigned_a_node_or_mentioned_in_it_is_told_and_nobody_tells_themselves() {
    let server = Server::start().await;
    let (ada, bob, gus, org, project) = team(&server).await;
    let all = json!([ada.user["id"], bob.user["id"], gus.user["id"], "nobody"]);
    let body = json!({"title": "Interviews", "metadata": {"assignees": all}});
    let created = ada.post(&format!("/projects/{project}/nodes"), body).await.expect(StatusCode::CREATED);
    let node = created["id"].as_str().unwrap();
    let items = told(&bob, 1).await;
    assert_eq!(
        (&items[0]["type"], &items[0]["title"]),
        (&json!("node_assigned"), &json!("“Interviews” was assigned to you"))
    );
    assert_eq!((&items[0]["resourceType"], &items[0]["resourceId"]), (&json!("node"), &json!(node)));
    assert_eq!((&items[0]["organizationId"], &items[0]["projectId"]), (&json!(org), &json!(project)));
    assert_eq!(
        (&items[0]["actors"], &items[0]["readAt"]),
        (&json!([{"kind": "user", "id": ada.user["id"]}]), &Value::Null)
    );

    let text = |person: &Client| format!("Ask [@them](user:{}).", person.user["id"].as_str().unwrap());
    let mentions = format!("{}\n\n{}\n\n{}", text(&ada), text(&bob), text(&gus));
    ada.patch(&format!("/nodes/{node}"), json!({"body": mentions})).await.expect(StatusCode::OK);
    let items = told(&bob, 2).await;
    assert_eq!(items[0]["type"], "mention", "the newest first");
    let more = format!("{mentions} And a word.");
    ada.patch(&format!("/nodes/{node}"), json!({"body": more, "title": "Renamed"})).await.expect(StatusCode::OK);
    bob.patch(&format!("/nodes/{node}"), json!({"metadata": {"assignees": [ada.user["id"]]}}))
        .await
        .expect(StatusCode::OK);
    bob.patch(&format!("/nodes/{node}"), json!({"metadata": {"assignees": all, "last": true}}))
        .await
        .expect(StatusCode::OK);
    // Ada is told of nothing that she did herself, and has been assigned to all the time.
    let is_listed = async || {
        let page = bob.get(&format!("/projects/{project}/nodes")).await.expect(StatusCode::OK);
        (page["items"][0]["metadata"]["last"] == true).then_some(())
    };
    bob.eventually(is_listed).await;
    assert_eq!((unread(&ada).await, unread(&gus).await), (0, 0), "a guest hears of what they may see");
    assert_eq!(told(&bob, 2).await.len(), 2, "who is assigned or mentioned still is not told again");
}

#[tokio::test]
async fn notifications_are_read_one_by_one_and_all_at_once() {
    let server = Server::start().await;
    let (ada, bob, _, org, project) = team(&server).await;
    let user = bob.user["id"].as_str().unwrap().parse().unwrap();
    let mut tx = server.api.db.org(org.parse().unwrap()).await.unwrap();
    for kind in NotificationKind::ALL {
        let about = AboutNode {
            kind: *kind,
            project: project.parse().unwrap(),
            node: project.parse().unwrap(),
            node_title: "One",
            body: Some("More"),
            actors: &[PrincipalRef::SYSTEM],
        };
        assert_eq!(notifications::notify(&mut tx, &[user, user], &about).await.unwrap(), [user]);
    }
    tx.commit().await.unwrap();
    let items = told(&bob, 5).await;
    let kinds: Vec<_> = items.iter().rev().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, NotificationKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    let first = format!("/users/me/notifications/{}", items[0]["id"].as_str().unwrap());
    let read = bob.patch(&first, json!({"read": true})).await.expect(StatusCode::OK);
    assert!(read["readAt"].is_string());
    let again = bob.patch(&first, json!({"read": true})).await.expect(StatusCode::OK);
    assert_eq!(again["readAt"], read["readAt"]);
    assert_eq!(unread(&bob).await, 4);
    let mut path = "/users/me/notifications?unread=true&limit=3".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = bob.get(&path).await.expect(StatusCode::OK);
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/users/me/notifications?unread=true&limit=3&cursor={cursor}");
    }
    assert_eq!(ids, items[1..].iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
    ada.patch(&first, json!({"read": false})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    bob.patch(&first, json!({"read": false})).await.expect(StatusCode::OK);
    let marked = bob.post("/users/me/notifications/read-all", json!({})).await.expect(StatusCode::OK);
    assert_eq!((marked, unread(&bob).await), (json!({"marked": 5}), 0));

    // Each change is an event for the person alone.
    let page =
        bob.get(&format!("/orgs/{org}/events?types=notification,notifications_read")).await.expect(StatusCode::OK);
    let types: Vec<_> = page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, [vec!["notification"; 5], vec!["notifications_read"; 3]].concat());
    let page =
        ada.get(&format!("/orgs/{org}/events?types=notification,notifications_read")).await.expect(StatusCode::OK);
    assert_eq!(page["items"], json!([]));

    let path = format!("/orgs/{org}/members/{}", bob.user["id"].as_str().unwrap());
    if ada.delete(&path).await.status.is_success() {
        assert_eq!(bob.get("/users/me/notifications").await.expect(StatusCode::OK)["items"], json!([]));
    }
}
