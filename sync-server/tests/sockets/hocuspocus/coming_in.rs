//! Frames and addresses, tokens, and what comes before a document is open (H1–H4).

use platform::access::ProjectRole;
use platform::config::Mode;
use platform::limits::Limits;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use uuid::Uuid;
use web_protocol::close;
use web_protocol::hocuspocus::{Address, Frame, Message, Saved, Scope};

use crate::client::Event;
use crate::h_client::{HClient, Replica, message};
use crate::server::Server;

#[tokio::test]
async fn h1_documents_and_sessions_of_them_share_a_socket() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, first), (_, second)) = (server.document().await, server.document().await);
    let (left, right) = (format!("{first}\0left"), format!("{first}\0right"));
    let mut client = HClient::connect(server.address).await;
    let plain = client.open(&first, &ann.token).await;
    let left = client.open(&left, &ann.token).await;
    let right = client.open(&right, &ann.token).await;
    let other = client.open(&second, &ann.token).await;
    client.type_text(&left, "left ").await;
    for replica in [&plain, &right] {
        client.until_text(replica, |text| text == "left ").await;
    }
    client.type_text(&plain, "plain ").await;
    for replica in [&left, &right] {
        client.until_text(replica, |text| text == "plain left ").await;
    }
    client.type_text(&other, "elsewhere").await;
    for replica in [&left, &plain, &other] {
        assert_eq!(client.status(&replica.address).await, Saved::Yes);
    }
    let mut witness = HClient::connect(server.address).await;
    assert_eq!(witness.open(&second, &ann.token).await.text(), "elsewhere");
    server.stop().await;
}

#[tokio::test]
async fn h1_every_dialect_edits_the_same_document() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut ours = server.editor(&ann, &name).await;
    let mut stock = server.stock_client(&ann, &name).await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    client.type_text(&replica, "hocuspocus ").await;
    ours.until_text(|text| text == "hocuspocus ").await;
    stock.until_text(|text| text == "hocuspocus ").await;
    ours.type_text("ours ").await;
    client.until_text(&replica, |text| text == "ours hocuspocus ").await;
    stock.until_text(|text| text == "ours hocuspocus ").await;
    stock.type_text("theirs ").await;
    client.until_text(&replica, |text| text == "theirs ours hocuspocus ").await;
    server.stop().await;
}

#[tokio::test]
async fn h2_pings_are_answered_and_unknown_types_ignored() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    client.send_bytes(Frame::Ping.encode()).await;
    assert_eq!(client.socket.next().await, Event::Binary(Frame::Pong.encode().into()), "before any token, too");
    client.send_bytes(Frame::Pong.encode()).await;
    let replica = client.open(&name, &ann.token).await;
    let sync_reply = Message::Unknown(4);
    let unknown = [sync_reply, Message::Unknown(99), Message::UnknownAuth(7)];
    for ignored in unknown.into_iter().chain([Message::SyncStatus(Saved::Yes), Message::TokenRequest]) {
        client.send(&name, ignored).await;
    }
    client.type_text(&replica, "still here").await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h2_a_malformed_frame_ends_the_senders_socket_only() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut witness = HClient::connect(server.address).await;
    let watched = witness.open(&name, &ann.token).await;
    let to = |rest: &[u8]| [Address::new(&name).encode(), rest.to_vec()].concat();
    let long = "x".repeat(513);
    let malformed = [
        vec![],
        vec![5, b'd'],
        vec![2, 0xff, 0xff, 0],
        to(&[]),
        to(&[0, 0, 5]),
        to(&[0, 7, 0]),
        to(&[0, 2, 1, 0, 0]),
        to(&[1, 3, 2, 1, 1]),
        Frame::Message(Address::new(&long), Message::Close(None)).encode(),
        Frame::Message(Address::new("scratch:x"), Message::Token { token: &long.repeat(32), version: None }).encode(),
    ];
    for malformed in malformed {
        let mut client = HClient::connect(server.address).await;
        client.open(&name, &ann.token).await;
        client.send_bytes(malformed.clone()).await;
        assert_eq!(client.socket.closed().await, close::MALFORMED, "{malformed:?}");
    }
    let mut client = HClient::connect(server.address).await;
    client.socket.send(WebSocketMessage::text("hello")).await;
    assert_eq!(client.socket.closed().await, close::MALFORMED);
    witness.type_text(&watched, "unharmed").await;
    assert_eq!(witness.status(&name).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h2_a_frame_beyond_the_limit_closes_with_1009() {
    let server = Server::with(Limits { frame_bytes: 4096, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    client.type_text(&replica, &"x".repeat(5000)).await;
    assert_eq!(client.socket.closed().await, close::TOO_LARGE);
    server.stop().await;
}

#[tokio::test]
async fn h3_who_may_not_come_in_is_told_why_and_may_open_something_else() {
    let server = Server::start().await;
    let (ann, sam) = (server.person("Ann", ProjectRole::Member).await, server.stranger("Sam").await);
    let (_, name) = server.document().await;
    let (_, unopened) = server.document().await;
    let missing = format!("doc:{}", Uuid::new_v4());
    let cases = [
        (&name, "", "invalid-token"),
        (&name, "rubbish", "invalid-token"),
        (&name, sam.token.as_str(), "permission-denied"),
        (&missing, ann.token.as_str(), "permission-denied"),
        (&"my-document".to_owned(), ann.token.as_str(), "invalid-document-name"),
        (&String::new(), ann.token.as_str(), "invalid-document-name"),
    ];
    let mut client = HClient::connect(server.address).await;
    for (document, token, reason) in cases {
        client.token(document, token).await;
        assert_eq!(client.denied(document).await, reason, "{document} {token}");
    }
    // The socket is open, and a better token opens what was denied.
    client.open(&unopened, &ann.token).await;
    client.open(&name, &ann.token).await;
    server.stop().await;
}

#[tokio::test]
async fn h3_after_a_denial_nothing_is_heard_but_another_token() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = Replica::new(&name);
    // As a provider sends it: at once.
    client.token(&name, "rubbish").await;
    client.step_1(&replica).await;
    client.type_text(&replica, "lost? ").await;
    assert_eq!(client.denied(&name).await, "invalid-token");
    for _ in 0..1500 {
        client.send(&name, Message::QueryAwareness).await;
    }
    client.token(&name, &ann.token).await;
    let rest = [client.next(&name).await];
    assert_eq!(rest, ["Authenticated(ReadWrite)"], "and no answer to what was sent before");
    client.step_1(&replica).await;
    client.answer(&replica).await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    let mut witness = HClient::connect(server.address).await;
    assert_eq!(witness.open(&name, &ann.token).await.text(), "lost? ", "a replica keeps what was not heard");
    server.stop().await;
}

#[tokio::test]
async fn h3_a_second_token_right_behind_a_wrong_one_is_heard() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    client.token(&name, "rubbish").await;
    client.send(&name, Message::Close(None)).await;
    client.token(&name, &ann.token).await;
    assert_eq!(client.denied(&name).await, "invalid-token");
    assert_eq!(client.scope(&name).await, Scope::ReadWrite);
    server.stop().await;
}

#[tokio::test]
async fn h3_the_scope_says_what_one_may_do_and_then_comes_who_is_here() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut writer = HClient::connect(server.address).await;
    writer.token(&name, &ann.token).await;
    assert_eq!(writer.next(&name).await, "Authenticated(ReadWrite)");
    writer.publish(&name, 7, 1, &json!({})).await;
    writer.awareness(&name).await;
    let mut reader = HClient::connect(server.address).await;
    reader.send(&name, Message::Token { token: &eve.token, version: Some("4.8.0") }).await;
    assert_eq!(reader.next(&name).await, "Authenticated(ReadOnly)");
    assert_eq!(reader.awareness(&name).await[0].0, 7);
    server.stop().await;
}

#[tokio::test]
async fn h3_a_scratch_document_needs_no_token_in_development_and_is_none_in_production() {
    let server = Server::start().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open("scratch:board", "").await;
    client.type_text(&replica, "anybody").await;
    assert_eq!(client.status("scratch:board").await, Saved::Yes);
    client.token("scratch:other", "rubbish").await;
    assert_eq!(client.denied("scratch:other").await, "invalid-token", "a token that is brought must hold");
    server.stop().await;

    let server = Server::in_mode(Limits::default(), Mode::Production).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = HClient::connect(server.address).await;
    client.token("scratch:board", "").await;
    assert_eq!(client.denied("scratch:board").await, "invalid-token");
    client.token("scratch:board", &ann.token).await;
    assert_eq!(client.denied("scratch:board").await, "permission-denied");
    server.stop().await;
}

#[tokio::test]
async fn h3_a_socket_has_a_limited_number_of_documents() {
    let server = Server::with(Limits { channels_per_socket: 2, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, first), (_, second), (_, third)) =
        (server.document().await, server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    client.open(&first, &ann.token).await;
    client.open(&second, &ann.token).await;
    client.send(&third, Message::QueryAwareness).await;
    client.token(&third, &ann.token).await;
    assert_eq!(client.denied(&third).await, "too-many-documents");
    client.send(&first, Message::Close(None)).await;
    client.closed(&first).await;
    client.open(&third, &ann.token).await;
    server.stop().await;
}

#[tokio::test]
async fn h3_while_access_cannot_be_decided_nobody_is_denied() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let ((_, open), (_, waiting)) = (server.document().await, server.document().await);
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&open, &ann.token).await;
    server.database.sabotage("ALTER TABLE org_members RENAME TO elsewhere").await;
    let late = Replica::new(&waiting);
    client.token(&waiting, &ann.token).await;
    client.step_1(&late).await;
    client.type_text(&late, "patience").await;
    // Meanwhile the socket works.
    client.type_text(&replica, "on").await;
    assert_eq!(client.status(&open).await, Saved::Yes);
    assert!(!client.socket.passed_over().any(|event| message(event, &waiting).is_some()));
    server.database.sabotage("ALTER TABLE elsewhere RENAME TO org_members").await;
    assert_eq!(client.scope(&waiting).await, Scope::ReadWrite);
    assert_eq!(client.status(&waiting).await, Saved::Yes);
    server.stop().await;
}

#[tokio::test]
async fn h4_what_comes_before_the_token_waits_and_is_handled_in_order() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = Replica::new(&name);
    client.step_1(&replica).await;
    for word in ["three ", "two ", "one "] {
        client.type_text(&replica, word).await;
    }
    client.token(&name, &ann.token).await;
    assert_eq!(client.next(&name).await, "Authenticated(ReadWrite)");
    for _ in 0..3 {
        assert_eq!(client.status(&name).await, Saved::Yes);
    }
    let mut witness = HClient::connect(server.address).await;
    assert_eq!(witness.open(&name, &ann.token).await.text(), "one two three ");
    server.stop().await;
}

#[tokio::test]
async fn h4_what_waits_is_bounded_in_frames_and_bytes() {
    let server = Server::start().await;
    for (frames, bytes) in [(1001, 0), (17, 64 * 1024)] {
        let mut client = HClient::connect(server.address).await;
        let body = vec![0; bytes];
        for number in 0..frames {
            // Over many documents it is the same.
            let address = format!("scratch:{}", number % 10);
            let frame = Frame::Message(Address::new(&address), Message::Update(&body));
            client.socket.send_anyway(WebSocketMessage::binary(frame.encode())).await;
        }
        assert_eq!(client.socket.closed().await, close::UNAUTHORIZED, "{frames} frames of {bytes} bytes");
    }
    server.stop().await;
}

#[tokio::test]
async fn h4_a_socket_on_which_nothing_is_opened_is_closed_whatever_it_says() {
    let limits = Limits {
        heartbeat_seconds: 1,
        authentication_seconds: 1,
        unauthenticated_frames: usize::MAX,
        // Otherwise it would be closed for coming too fast.
        messages_per_second: 1_000_000,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut silent = HClient::connect(server.address).await;
    let mut busy = HClient::connect(server.address).await;
    let mut member = HClient::connect(server.address).await;
    member.open(&name, &ann.token).await;
    let mut closed = false;
    while !closed {
        busy.socket.send_anyway(WebSocketMessage::binary(Frame::Ping.encode())).await;
        let answer = busy.socket.next().await;
        closed = answer == Event::Closed(close::AUTHENTICATION_TIMEOUT);
        assert!(closed || !matches!(answer, Event::Closed(_)), "{answer:?}");
    }
    assert_eq!(silent.socket.closed().await, close::AUTHENTICATION_TIMEOUT);
    // Who has come in stays, even without a document.
    member.send(&name, Message::Close(None)).await;
    member.socket.find("a ping", |event| (*event == Event::Ping).then_some(())).await;
    member.open(&name, &ann.token).await;
    server.stop().await;
}
