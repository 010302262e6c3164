//! Tokens and access that change, messages of applications, closes and restarts (H8–H11).

use std::time::Duration;

use chrono::TimeDelta;
use platform::access::{OrgRole, ProjectRole};
use platform::auth::Principal;
use platform::limits::Limits;
use serde_json::json;
use web_protocol::close;
use web_protocol::hocuspocus::{Message, Saved, Scope};

use crate::h_client::{HClient, message};
use crate::server::Server;

async fn wanted(client: &mut HClient, address: &str) {
    let wanted = |message: Message<'_>| (message == Message::TokenRequest).then_some(());
    client.find(address, "the wish for a token", wanted).await;
}

#[tokio::test]
async fn h8_a_token_is_asked_for_before_the_authority_ends_and_puts_the_end_off() {
    let server = Server::with(Limits { heartbeat_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, first), (_, second)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&first, &server.token_until(&ann.principal, TimeDelta::seconds(90))).await;
    client.open(&second, &server.token_until(&ann.principal, TimeDelta::seconds(130))).await;
    server.clock.put_forward(40);
    wanted(&mut client, &first).await;
    wanted(&mut client, &second).await;
    for name in [&first, &second] {
        client.token(name, &server.token_until(&ann.principal, TimeDelta::seconds(240))).await;
        assert_eq!(client.scope(name).await, Scope::ReadWrite);
    }
    server.clock.put_forward(100);
    client.type_text(&replica, "past the old end").await;
    assert_eq!(client.status(&first).await, Saved::Yes);
    server.clock.put_forward(100);
    wanted(&mut client, &first).await;
    server.clock.put_forward(100);
    assert_eq!(client.socket.closed().await, close::AUTHORITY_ENDED);
    server.stop().await;
}

#[tokio::test]
async fn h8_a_token_that_does_not_hold_changes_nothing() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    client.token(&name, "rubbish").await;
    assert_eq!(client.denied(&name).await, "invalid-token");
    client.token(&name, &bob.token).await;
    assert_eq!(client.denied(&name).await, "principal-mismatch");
    client.type_text(&replica, "still Ann's").await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h8_others_see_the_name_that_a_new_token_says() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let (mut renamed, mut witness) = (HClient::connect(server.address).await, HClient::connect(server.address).await);
    renamed.open(&name, &ann.token).await;
    witness.open(&name, &bob.token).await;
    renamed.publish(&name, 5, 1, &json!({ "cursor": 1 })).await;
    assert_eq!(witness.awareness(&name).await[0].2["user"]["name"], "Ann");
    let anna = Principal { name: "Anna".to_owned(), ..ann.principal.clone() };
    renamed.token(&name, &server.token_until(&anna, TimeDelta::hours(1))).await;
    assert_eq!(renamed.scope(&name).await, Scope::ReadWrite);
    let seen = async {
        for clock in 2.. {
            renamed.publish(&name, 5, clock, &json!({ "cursor": clock })).await;
            if witness.awareness(&name).await[0].2["user"]["name"] == "Anna" {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the new name is seen");
    server.stop().await;
}

#[tokio::test]
async fn h8_people_may_share_a_socket() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let ((_, hers), (_, his)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    client.open(&hers, &ann.token).await;
    let replica = client.open(&his, &bob.token).await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    client.closed(&hers).await;
    client.type_text(&replica, "Bob goes on").await;
    assert_eq!(client.status(&his).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h8_who_is_removed_loses_the_document_and_keeps_the_socket() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    let scratch = client.open("scratch:notes", "").await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    assert_eq!(client.denied(&name).await, "permission-denied");
    assert_eq!(client.closed(&name).await.as_deref(), Some("permission-denied"));
    client.type_text(&replica, "too late").await;
    client.type_text(&scratch, "elsewhere").await;
    assert_eq!(client.status("scratch:notes").await, Saved::Yes);
    assert!(!client.socket.passed_over().any(|event| message(event, &name).is_some()), "nothing more is said");
    client.token(&name, &ann.token).await;
    assert_eq!(client.denied(&name).await, "permission-denied");
    server.database.project_member(server.org, server.project, ann.user.id, ProjectRole::Viewer).await;
    client.token(&name, &ann.token).await;
    assert_eq!(client.scope(&name).await, Scope::ReadOnly, "as soon as there is access again");
    server.stop().await;
}

#[tokio::test]
async fn h8_a_change_between_reading_and_writing_is_told() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    server.database.project_member(server.org, server.project, ann.user.id, ProjectRole::Viewer).await;
    assert_eq!(client.scope(&name).await, Scope::ReadOnly);
    client.type_text(&replica, "refused ").await;
    assert_eq!(client.status(&name).await, Saved::No);
    server.database.project_member(server.org, server.project, ann.user.id, ProjectRole::Member).await;
    assert_eq!(client.scope(&name).await, Scope::ReadWrite);
    client.step_1(&replica).await;
    client.answer(&replica).await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h8_a_new_token_has_access_checked_at_once() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    client.open(&name, &ann.token).await;
    server.database.org_member(server.org, ann.user.id, OrgRole::Guest).await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    client.token(&name, &ann.token).await;
    assert_eq!(client.closed(&name).await.as_deref(), Some("permission-denied"));
    server.stop().await;
}

#[tokio::test]
async fn h9_stateless_messages_go_to_the_others_from_those_who_may_write() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let session = format!("{name}\0second");
    let mut writer = HClient::connect(server.address).await;
    writer.open(&name, &ann.token).await;
    writer.open(&session, &ann.token).await;
    let mut reader = HClient::connect(server.address).await;
    reader.open(&name, &eve.token).await;
    reader.send(&name, Message::Stateless("from a reader")).await;
    // By the time that presence is there, the message before it would be, too.
    reader.publish(&name, 9, 1, &json!({})).await;
    writer.awareness(&name).await;
    writer.send(&name, Message::Stateless("{\"saved\": true}")).await;
    assert_eq!(writer.stateless(&session).await, "{\"saved\": true}", "and nothing of the reader's");
    assert_eq!(reader.stateless(&name).await, "{\"saved\": true}");
    writer.send(&session, Message::Stateless("back")).await;
    assert_eq!(writer.stateless(&name).await, "back", "and not one's own");
    server.stop().await;
}

#[tokio::test]
async fn h9_stateless_messages_are_limited_in_size_and_rate() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut sender = HClient::connect(server.address).await;
    sender.open(&name, &ann.token).await;
    let mut receiver = HClient::connect(server.address).await;
    receiver.open(&name, &ann.token).await;
    sender.send(&name, Message::Stateless(&"x".repeat(64 * 1024 + 1))).await;
    sender.send(&name, Message::Stateless(&"x".repeat(64 * 1024))).await;
    assert_eq!(receiver.stateless(&name).await.len(), 64 * 1024);
    let begin = std::time::Instant::now();
    for _ in 0..1000 {
        sender.send(&name, Message::Stateless("again")).await;
    }
    sender.publish(&name, 5, 1, &json!({})).await;
    receiver.awareness(&name).await;
    let heard = receiver.socket.passed_over();
    let heard = heard.filter(|event| matches!(message(event, &name), Some(Message::Stateless(_)))).count();
    let allowed = 100 + 20 * (1 + usize::try_from(begin.elapsed().as_secs()).unwrap());
    assert!((50..=allowed).contains(&heard), "{heard} of 1000; allowed {allowed}");
    server.stop().await;
}

#[tokio::test]
async fn h9_broadcasts_among_servers_are_not_for_clients() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, name), (_, other)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    client.open(&name, &ann.token).await;
    let replica = client.open(&other, &ann.token).await;
    let mut witness = HClient::connect(server.address).await;
    witness.open(&name, &ann.token).await;
    client.send(&name, Message::BroadcastStateless("to all")).await;
    assert!(client.closed(&name).await.is_some());
    client.type_text(&replica, "the socket stays").await;
    assert_eq!(client.status(&other).await, Saved::Yes);
    assert!(!witness.socket.passed_over().any(|event| matches!(message(event, &name), Some(Message::Stateless(_)))));
    client.open(&name, &ann.token).await;
    server.stop().await;
}

#[tokio::test]
async fn h10_a_document_is_closed_by_itself_and_can_be_opened_again() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, name), (_, other)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    client.open(&name, &ann.token).await;
    let kept = client.open(&other, &ann.token).await;
    let mut witness = HClient::connect(server.address).await;
    let watched = witness.open(&name, &ann.token).await;
    client.publish(&name, 5, 1, &json!({})).await;
    assert_eq!(witness.awareness(&name).await[0].0, 5);
    client.send(&name, Message::Close(None)).await;
    assert_eq!(client.closed(&name).await.as_deref(), Some("provider_initiated"));
    assert_eq!(witness.awareness(&name).await, [(5, 2, json!(null))], "who closes is gone");
    witness.type_text(&watched, "unheard ").await;
    witness.status(&name).await;
    client.type_text(&kept, "open").await;
    assert_eq!(client.status(&other).await, Saved::Yes);
    let unheard = client.socket.passed_over().all(|event| !matches!(message(event, &name), Some(Message::Update(_))));
    assert!(unheard, "a closed document says nothing");
    assert_eq!(client.open(&name, &ann.token).await.text(), "unheard ");
    // A close of what is not open is nothing.
    client.send("scratch:never", Message::Close(None)).await;
    client.type_text(&kept, "still ").await;
    assert_eq!(client.status(&other).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h11_a_restart_saves_everything_says_so_and_closes_with_1012() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, name), (_, other)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    client.open(&other, &ann.token).await;
    let mut empty = HClient::connect(server.address).await;
    empty.token("scratch:x", "rubbish").await;
    empty.denied("scratch:x").await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    client.type_text(&replica, "last words").await;
    client.publish(&name, 5, 1, &json!({})).await;
    client.awareness(&name).await;
    let stopping = async {
        let report = server.stop().await;
        assert!(report.is_clean(), "{report}");
    };
    let going = async {
        assert_eq!(empty.socket.closed().await, close::RESTART);
        server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
        assert_eq!(client.status(&name).await, Saved::Yes, "the last status comes before the end");
        assert_eq!(client.socket.closed().await, close::RESTART);
    };
    tokio::join!(stopping, going);
}
