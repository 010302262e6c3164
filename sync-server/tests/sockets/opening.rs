//! Opening a socket, and what is said on it (G1–G3, 1009).

use platform::access::ProjectRole;
use platform::limits::Limits;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use web_protocol::close;

use crate::client::{Client, Event};
use crate::server::Server;

#[tokio::test]
async fn g1_a_missing_or_invalid_token_is_answered_with_4401_after_the_upgrade() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let tampered = format!("{}x", ann.token);
    for token in [None, Some(""), Some("no.token.atall"), Some(tampered.as_str())] {
        let mut client = Client::connect(server.address, token).await;
        assert_eq!(client.socket.next().await, Event::Closed(close::UNAUTHORIZED), "{token:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn g1_the_close_code_arrives_at_a_client_that_speaks_first() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address, None).await;
    for _ in 0..50 {
        client.socket.send_anyway(Message::binary(vec![0; 1000])).await;
    }
    assert_eq!(client.socket.next().await, Event::Closed(close::UNAUTHORIZED));
    server.stop().await;
}

#[tokio::test]
async fn g1_socket_tokens_and_development_tokens_open_and_expired_ones_do_not() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let development = server.authenticator.issue_dev_token(&ann.principal).unwrap();
    for token in [ann.token.as_str(), development.token.expose()] {
        let mut client = Client::connect(server.address, Some(token)).await;
        client.reply("welcome").await;
    }
    // A socket's token opens sockets for five minutes.
    server.clock.put_forward(301);
    let mut client = Client::connect(server.address, Some(&ann.token)).await;
    assert_eq!(client.socket.closed().await, close::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn g3_the_server_speaks_first_and_says_who_and_how_much() {
    let limits = Limits { channels_per_socket: 7, update_bytes: 5000, heartbeat_seconds: 9, ..Limits::default() };
    let frame_bytes = limits.frame_bytes;
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = Client::connect(server.address, Some(&ann.token)).await;
    let Event::Text(welcome) = client.socket.next().await else { panic!("not a text") };
    assert_eq!(welcome["type"], "welcome");
    let said = &welcome["payload"];
    assert_eq!(said["protocol"], 1);
    assert_eq!(said["server"], concat!("glassbox/", env!("CARGO_PKG_VERSION")));
    let (id, color) = (ann.user.id.to_string(), ann.principal.color());
    assert_eq!(said["principal"], json!({ "id": id, "name": "Ann", "kind": "human", "color": color }));
    assert_eq!(said["heartbeatSeconds"], 9);
    assert_eq!(said["limits"], json!({ "frameBytes": frame_bytes, "updateBytes": 5000, "channels": 7 }));
    let until = chrono::DateTime::parse_from_rfc3339(said["authorizedUntil"].as_str().unwrap()).unwrap();
    let left = until.to_utc() - chrono::Utc::now();
    assert!((3500..=3600).contains(&left.num_seconds()), "{left}");
    server.stop().await;
}

#[tokio::test]
async fn g2_replies_repeat_the_request_id_and_mistakes_are_answered() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;

    client.ask(json!({ "type": "dance", "requestId": "1", "payload": {} })).await;
    let error = client.reply("error").await;
    assert_eq!((&error["requestId"], &error["payload"]["code"]), (&json!("1"), &json!("UNKNOWN_TYPE")));

    client.ask(json!({ "type": "subscribe", "requestId": "2", "payload": { "chanel": "doc:x" } })).await;
    let error = client.reply("error").await;
    assert_eq!((&error["requestId"], &error["payload"]["code"]), (&json!("2"), &json!("INVALID_MESSAGE")));

    client.socket.send(Message::text("{ no JSON")).await;
    assert_eq!(client.error().await["code"], "INVALID_MESSAGE");
    client.socket.send(Message::text(" ".repeat(64 * 1024 + 1))).await;
    assert_eq!(client.error().await["code"], "INVALID_MESSAGE");

    let (_, name) = server.document().await;
    client
        .ask(json!({ "type": "subscribe", "requestId": "3", "unheardOf": 1, "payload": { "channel": name, "new": 2 } }))
        .await;
    assert_eq!(client.reply("subscribed").await["requestId"], "3");
    client.ask(json!({ "type": "unsubscribe", "requestId": "4", "payload": { "channel": name } })).await;
    assert_eq!(client.reply("unsubscribed").await["requestId"], "4");
    server.stop().await;
}

#[tokio::test]
async fn a_frame_that_is_larger_than_the_limit_closes_with_1009() {
    let server = Server::with(Limits { frame_bytes: 10_000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    client.socket.send(Message::text(format!("{:10000}", "{}"))).await;
    assert_eq!(client.error().await["code"], "INVALID_MESSAGE", "as large as the limit is taken");
    client.socket.send_anyway(Message::binary(vec![0; 10_001])).await;
    assert_eq!(client.socket.closed().await, close::TOO_LARGE);
    server.stop().await;
}
