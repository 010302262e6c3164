//! Events on sockets (G29–G31).

use std::time::Duration;

use platform::access::{OrgRole, ProjectRole};
use platform::db::events::{self, EventKind, NewEvent};
use platform::limits::Limits;
use schema::ids::NodeId;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::client::{Client, Event};
use crate::server::{Person, Server};

async fn write(server: &Server, event: NewEvent) {
    let mut tx = server.database.db.org(server.org).await.unwrap();
    events::append(&mut tx, event);
    tx.commit().await.unwrap();
}

fn deleted(server: &Server, node: Uuid) -> NewEvent {
    NewEvent::new(EventKind::NodeDeleted, json!({"title": "one"})).project(server.project).node(NodeId::new(node))
}

async fn subscribe(client: &mut Client, channel: &str) -> Value {
    client.ask(json!({"type": "subscribe", "payload": {"channel": channel}})).await;
    client.reply("subscribed").await
}

fn told(event: &Event, kind: &str) -> bool {
    matches!(event, Event::Text(text) if text["type"] == kind)
}

#[tokio::test]
async fn g29_whoever_watches_a_project_or_node_is_told_what_happens_there() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Viewer).await;
    let node = server.node().await;
    let other = server.node().await;
    let channels = [
        format!("project:{}", server.project),
        format!("node:{node}"),
        format!("events:project:{}", server.project),
        format!("events:node:{node}"),
    ];
    let mut client = server.client(&ann).await;
    for channel in &channels {
        assert_eq!(subscribe(&mut client, channel).await["payload"], json!({"channel": channel, "access": "read"}));
    }
    write(&server, deleted(&server, other)).await;
    write(&server, deleted(&server, node)).await;
    let mut heard = Vec::new();
    for _ in 0..6 {
        let event = client.reply("node_deleted").await;
        let payload = &event["payload"];
        assert_eq!((&payload["title"], &payload["projectId"]), (&json!("one"), &json!(server.project)));
        assert_eq!(payload["actors"], json!([]));
        heard.push((payload["channel"].as_str().unwrap().to_owned(), payload["nodeId"].clone()));
    }
    heard.sort_by_key(|(channel, node)| (channel.clone(), node.to_string()));
    let mut expected: Vec<_> = channels.iter().map(|channel| (channel.clone(), json!(node))).collect();
    expected.extend([&channels[0], &channels[2]].map(|channel| (channel.clone(), json!(other))));
    expected.sort_by_key(|(channel, node)| (channel.clone(), node.to_string()));
    assert_eq!(heard, expected);
    server.stop().await;
}

#[tokio::test]
async fn g29_who_syncs_or_does_not_want_events_is_not_told() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (node, other) = (server.node().await, server.node().await);
    let mut client = server.editor(&ann, &format!("node:{node}")).await;
    let silent = json!({"channel": format!("node:{other}"), "events": false});
    client.ask(json!({"type": "subscribe", "payload": silent})).await;
    client.reply("subscribed").await;
    subscribe(&mut client, &format!("events:node:{node}")).await;
    write(&server, deleted(&server, other)).await;
    write(&server, deleted(&server, node)).await;
    let event = client.reply("node_deleted").await;
    assert_eq!(event["payload"]["channel"], json!(format!("events:node:{node}")));
    assert!(!client.socket.passed_over().any(|event| told(event, "node_deleted")));
    client.ask(json!({"type": "unsubscribe", "payload": {"channel": format!("events:node:{node}")}})).await;
    client.reply("unsubscribed").await;
    write(&server, deleted(&server, node)).await;
    subscribe(&mut client, "user").await;
    assert!(!client.socket.passed_over().any(|event| told(event, "node_deleted")));
    server.stop().await;
}

#[tokio::test]
async fn g9_g29_events_are_for_those_who_may_read_what_they_tell_of() {
    let server = Server::start().await;
    let eve = server.stranger("Eve").await;
    let node = server.node().await;
    let mut client = server.client(&eve).await;
    for channel in [format!("events:node:{node}"), format!("events:project:{}", server.project)] {
        client.ask(json!({"type": "subscribe", "payload": {"channel": channel}})).await;
        assert_eq!(client.reply("error").await["payload"]["code"], "NOT_FOUND");
    }
    for channel in ["events:doc:x", "events:", "users", &format!("events:doc:{}", Uuid::new_v4())] {
        client.ask(json!({"type": "subscribe", "payload": {"channel": channel}})).await;
        assert_eq!(client.reply("error").await["payload"]["code"], "INVALID_CHANNEL");
    }
    subscribe(&mut client, "user").await;
    client.ask(json!({"type": "subscribe", "payload": {"channel": "user"}})).await;
    assert_eq!(client.reply("error").await["payload"]["code"], "ALREADY_SUBSCRIBED");
    server.stop().await;
}

#[tokio::test]
async fn g30_what_is_for_one_person_reaches_that_person_alone_in_all_their_organizations() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Admin).await);
    let other_org = server.database.org(ann.user.id).await;
    let mut sockets = Vec::new();
    for person in [&ann, &bob] {
        let mut client = server.client(person).await;
        subscribe(&mut client, "user").await;
        subscribe(&mut client, &format!("events:project:{}", server.project)).await;
        sockets.push(client);
    }
    let notify = |person: &Person| {
        NewEvent::new(EventKind::Notification, json!({"for": person.user.name}))
            .project(server.project)
            .only_for(person.user.id)
    };
    write(&server, notify(&ann)).await;
    write(&server, notify(&bob)).await;
    for (socket, person) in sockets.iter_mut().zip([&ann, &bob]) {
        let event = socket.reply("notification").await;
        assert_eq!(
            (&event["payload"]["for"], &event["payload"]["channel"]),
            (&json!(person.user.name), &json!("user"))
        );
        assert!(!socket.socket.passed_over().any(|event| told(event, "notification")));
    }
    let mut tx = server.database.db.org(other_org).await.unwrap();
    events::append(&mut tx, notify(&ann));
    tx.commit().await.unwrap();
    assert_eq!(sockets[0].reply("notification").await["payload"]["organizationId"], json!(other_org));

    // An organization that one comes to belong to is listened to as well.
    let third = server.database.org(bob.user.id).await;
    server.database.org_member(third, ann.user.id, OrgRole::Guest).await;
    server.access_news.announce(ann.user.id);
    let heard = async {
        loop {
            let mut tx = server.database.db.org(third).await.unwrap();
            events::append(&mut tx, notify(&ann));
            tx.commit().await.unwrap();
            if let Ok(event) = timeout(Duration::from_millis(100), sockets[0].reply("notification")).await {
                return event;
            }
        }
    };
    let event = timeout(Duration::from_secs(20), heard).await.unwrap();
    assert_eq!(event["payload"]["organizationId"], json!(third));
    server.stop().await;
}

#[tokio::test]
async fn g31_access_that_ends_closes_the_channel_and_the_socket_goes_on() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    let channel = format!("events:project:{}", server.project);
    subscribe(&mut client, &channel).await;
    subscribe(&mut client, "user").await;
    server.database.remove_from_org(server.org, ann.user.id).await;
    server.access_news.announce(ann.user.id);
    let ended = client.reply("unsubscribed").await;
    assert_eq!((&ended["payload"]["channel"], &ended["payload"]["code"]), (&json!(channel), &json!("ACCESS_ENDED")));
    let event = NewEvent::new(EventKind::Notification, json!({})).only_for(ann.user.id);
    write(&server, event).await;
    client.ask(json!({"type": "unsubscribe", "payload": {"channel": "user"}})).await;
    client.reply("unsubscribed").await;
    assert!(
        !client.socket.passed_over().any(|event| told(event, "notification")),
        "nothing of an organization one left"
    );
    server.stop().await;
}

#[tokio::test]
async fn g31_a_client_that_reads_too_slowly_is_told_to_read_anew_and_then_told_again() {
    const EVENTS: u64 = 400;
    let server = Server::with(Limits { outbox_bytes: 64 * 1024, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let channel = format!("events:project:{}", server.project);
    let mut slow = Client::connect_with(server.address, Some(&ann.token), Some(4 * 1024)).await;
    slow.reply("welcome").await;
    subscribe(&mut slow, &channel).await;
    let event = |number: u64| {
        let payload = json!({"number": number, "text": "x".repeat(4_000)});
        NewEvent::new(EventKind::ProjectUpdated, payload).project(server.project)
    };
    for number in 1..=EVENTS {
        write(&server, event(number)).await;
    }
    let resync = slow.reply("resync").await;
    assert_eq!(resync["payload"], json!({"channel": channel}));
    write(&server, event(EVENTS + 1)).await;
    let last = async {
        loop {
            let event = slow.reply("project_updated").await;
            if event["payload"]["number"] == EVENTS + 1 {
                return;
            }
        }
    };
    last.await;
    server.stop().await;
}
