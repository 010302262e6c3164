//! Renewing and losing authority and access (G19, G10).

use std::time::Duration;

use chrono::TimeDelta;
use platform::access::{AccessNews, OrgRole, ProjectRole};
use platform::auth::Principal;
use platform::bus::{BUS_QUEUE_MESSAGES, Bus, BusMessage, InstanceId, Topic};
use platform::db::audit::Actor;
use platform::db::projects;
use platform::limits::Limits;
use schema::ids::UserId;
use serde_json::json;
use uuid::Uuid;
use web_protocol::close;

use crate::client::{Client, Event};
use crate::h_client::HClient;
use crate::server::Server;

fn token(token: &str) -> serde_json::Value {
    json!({ "type": "token", "requestId": "t", "payload": { "token": token } })
}

#[tokio::test]
async fn g19_a_token_renews_the_authority_of_its_own_principal_only() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let mut client = server.client(&ann).await;
    client.ask(token(&server.token_until(&ann.principal, TimeDelta::hours(5)))).await;
    let accepted = client.reply("token_accepted").await;
    assert_eq!(accepted["requestId"], "t");
    let until = accepted["payload"]["authorizedUntil"].as_str().unwrap();
    let left = chrono::DateTime::parse_from_rfc3339(until).unwrap().to_utc() - chrono::Utc::now();
    assert!(left > TimeDelta::minutes(299), "{left}");

    client.ask(token(&bob.token)).await;
    assert_eq!(client.error().await["code"], "PRINCIPAL_MISMATCH");
    client.ask(token("rubbish")).await;
    assert_eq!(client.error().await["code"], "INVALID_TOKEN");
    let (_, name) = server.document().await;
    client.open(&name).await;
    server.stop().await;
}

#[tokio::test]
async fn g19_others_see_the_name_that_a_new_token_says() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let (mut renamed, mut witness) = (server.editor(&ann, &name).await, server.editor(&bob, &name).await);
    renamed.publish_own(&json!({ "cursor": 0 })).await;
    assert_eq!(witness.awareness().await[0].2["user"]["name"], "Ann");
    let anna = Principal { name: "Anna".to_owned(), ..ann.principal.clone() };
    renamed.ask(token(&server.token_until(&anna, TimeDelta::hours(1)))).await;
    renamed.reply("token_accepted").await;
    let seen = async {
        for cursor in 1.. {
            renamed.publish_own(&json!({ "cursor": cursor })).await;
            if witness.awareness().await[0].2["user"]["name"] == "Anna" {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the new name is seen");
    server.stop().await;
}

#[tokio::test]
async fn g19_the_end_is_announced_and_a_new_token_puts_it_off() {
    let server = Server::with(Limits { heartbeat_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let brief = server.token_until(&ann.principal, TimeDelta::seconds(90));
    let mut client = Client::connect(server.address, Some(&brief)).await;
    let until = client.reply("welcome").await["payload"]["authorizedUntil"].take();
    server.clock.put_forward(40);
    assert_eq!(client.reply("token_expiring").await["payload"]["authorizedUntil"], until);
    client.ask(token(&server.token_until(&ann.principal, TimeDelta::seconds(240)))).await;
    client.reply("token_accepted").await;
    server.clock.put_forward(100);
    // Past the old end: the socket still works.
    let (_, name) = server.document().await;
    client.open(&name).await;
    server.clock.put_forward(100);
    client.reply("token_expiring").await;
    server.clock.put_forward(100);
    assert_eq!(client.socket.closed().await, close::AUTHORITY_ENDED);
    server.stop().await;
}

#[tokio::test]
async fn g19_an_authority_that_is_about_to_end_is_announced_at_once_and_ends_in_time() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let brief = server.token_until(&ann.principal, TimeDelta::milliseconds(2500));
    let begin = std::time::Instant::now();
    let mut client = Client::connect(server.address, Some(&brief)).await;
    client.reply("welcome").await;
    client.reply("token_expiring").await;
    assert_eq!(client.socket.closed().await, close::AUTHORITY_ENDED);
    assert!(begin.elapsed().as_secs() < 10, "long before the first heartbeat");
    server.stop().await;
}

#[tokio::test]
async fn access_that_is_taken_away_ends_the_channel_within_the_check() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut stock = server.stock_client(&ann, &name).await;
    let mut watcher = server.client(&ann).await;
    watcher.watch(&name).await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    for told in [&mut client, &mut watcher] {
        let ended = told.reply("unsubscribed").await["payload"].take();
        assert_eq!((&ended["channel"], &ended["code"]), (&json!(name), &json!("ACCESS_ENDED")));
        assert_eq!(ended["retry"], false);
    }
    assert_eq!(stock.socket.closed().await, close::FORBIDDEN);
    client.type_text("too late").await;
    assert_eq!(client.error().await["code"], "UNKNOWN_CHANNEL");
    client.subscribe(&name, None).await;
    assert_eq!(client.error().await["code"], "NOT_FOUND");
    server.stop().await;
}

/// Checks that are due by themselves come too late for a test.
const CHECKED_LATE: u64 = 3600;

#[tokio::test]
async fn access_that_is_taken_away_here_or_on_another_instance_ends_channels_at_once() {
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let another_instance = AccessNews::start(
        Bus::InProcess { hub: server.hub.clone(), instance: InstanceId::new(Uuid::new_v4()) },
        &server.lifecycle,
    );
    let (_, name) = server.document().await;
    for (person, news) in [(&ann, &server.access_news), (&bob, &another_instance)] {
        let mut client = server.editor(person, &name).await;
        let mut stock = server.stock_client(person, &name).await;
        server.database.remove_from_project(server.org, server.project, person.user.id).await;
        news.announce(person.user.id);
        assert_eq!(client.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
        assert_eq!(stock.socket.closed().await, close::FORBIDDEN);
    }
    server.stop().await;
}

/// Waits until something is so in the database.
async fn until(server: &Server, condition: &str) {
    let is_so = async {
        while !server.database.is_so(condition).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_so).await.expect(condition);
}

#[tokio::test]
async fn access_that_is_taken_away_while_documents_are_being_opened_ends_them_once_they_are_open() {
    const LOCKED: &str = "FROM pg_locks WHERE relation = 'document_updates'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, one), (_, other)) = (server.document().await, server.document().await);
    let mut client = server.client(&ann).await;
    let mut provider = HClient::connect(server.address).await;
    let slow = server
        .database
        .sabotage("BEGIN; LOCK TABLE document_updates IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT");
    let removed_meanwhile = async {
        until(&server, &format!("SELECT EXISTS (SELECT {LOCKED} AND mode = 'AccessExclusiveLock' AND granted)")).await;
        client.subscribe(&one, None).await;
        provider.token(&other, &ann.token).await;
        // What waits for the log has been granted.
        until(&server, &format!("SELECT (SELECT count(*) {LOCKED} AND NOT granted) >= 2")).await;
        server.database.remove_from_project(server.org, server.project, ann.user.id).await;
        server.access_news.announce(ann.user.id);
    };
    tokio::join!(slow, removed_meanwhile);
    client.reply("subscribed").await;
    assert_eq!(client.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    provider.scope(&other).await;
    assert_eq!(provider.closed(&other).await.as_deref(), Some("permission-denied"));
    server.stop().await;
}

#[tokio::test]
async fn a_change_of_access_concerns_nobody_else() {
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    // Unannounced: what is done in the database alone is found when access is checked by itself.
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    server.access_news.announce(bob.user.id);
    client.type_text("x").await;
    client.until_saved().await;
    server.access_news.announce(ann.user.id);
    assert_eq!(client.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    server.stop().await;
}

#[tokio::test]
async fn after_missed_news_of_access_everybodys_is_looked_up_again() {
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    let other = Bus::InProcess { hub: server.hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
    let somebody = BusMessage::AccessChanged(UserId::new(Uuid::from_u128(1)));
    for _ in 0..=BUS_QUEUE_MESSAGES {
        other.publish(Topic::Access, &somebody);
    }
    assert_eq!(client.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    server.stop().await;
}

#[tokio::test]
async fn access_that_is_narrowed_to_reading_is_felt_by_the_next_edit() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    server.database.project_member(server.org, server.project, ann.user.id, ProjectRole::Viewer).await;
    let refused = loop {
        client.type_text("x").await;
        // It is told of the change, too.
        if let Event::Text(text) = client.socket.next().await
            && text["type"] != "access_changed"
        {
            break text;
        }
    };
    assert_eq!((&refused["type"], &refused["payload"]["code"]), (&json!("refused"), &json!("READ_ONLY")));
    server.stop().await;
}

#[tokio::test]
async fn g32_another_role_is_announced_within_a_second_and_holds_at_once() {
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    for (role, access) in [(ProjectRole::Viewer, "read"), (ProjectRole::Admin, "write")] {
        let begin = std::time::Instant::now();
        server.database.project_member(server.org, server.project, ann.user.id, role).await;
        server.access_news.announce(ann.user.id);
        let told = client.reply("access_changed").await["payload"].take();
        assert_eq!(told, json!({"channel": name, "access": access}));
        assert!(begin.elapsed().as_secs() < 1, "{:?}", begin.elapsed());
        if access == "read" {
            client.type_text("x").await;
            assert_eq!(client.reply("refused").await["payload"]["code"], "READ_ONLY");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_deleted_is_closed_here_and_on_another_instance_without_a_retry() {
    let server = Server::with(Limits { access_check_seconds: CHECKED_LATE, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (document, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut stock = server.stock_client(&ann, &name).await;
    let deleted = projects::delete(&server.database.db, server.org, server.project, &Actor::SYSTEM).await.unwrap();
    assert!(deleted.unwrap().contains(&document.id));
    let another_instance = Bus::InProcess { hub: server.hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
    another_instance.publish(document.id, &BusMessage::Gone);
    let ended = client.reply("unsubscribed").await["payload"].take();
    assert_eq!((&ended["code"], &ended["retry"]), (&json!("ACCESS_ENDED"), &json!(false)));
    assert_eq!(stock.socket.closed().await, close::FORBIDDEN);
    client.subscribe(&name, None).await;
    assert_eq!(client.error().await["code"], "NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn g19_a_new_token_has_access_checked_at_once() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    server.database.org_member(server.org, ann.user.id, OrgRole::Guest).await;
    server.database.remove_from_project(server.org, server.project, ann.user.id).await;
    client.ask(token(&ann.token)).await;
    client.reply("token_accepted").await;
    assert_eq!(client.reply("unsubscribed").await["payload"]["code"], "ACCESS_ENDED");
    server.stop().await;
}

#[tokio::test]
async fn while_access_cannot_be_looked_up_edits_go_on() {
    let server = Server::with(Limits { access_check_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&ann, &name).await;
    // The lookup waits for the lock; what needs none must not wait for the lookup.
    let locked = server.database.lock("org_members").await;
    let begin = std::time::Instant::now();
    let mut round = 0;
    while begin.elapsed().as_millis() < 2500 {
        round += 1;
        client.type_text("x").await;
        let sent = std::time::Instant::now();
        witness.until_text(|text| text.len() == round).await;
        assert!(sent.elapsed().as_secs() < 1, "an edit waited for the lookup");
    }
    drop(locked);
    server.stop().await;
}
