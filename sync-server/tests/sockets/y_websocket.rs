//! Stock Yjs clients (Y1–Y5).

use chrono::TimeDelta;
use platform::access::ProjectRole;
use platform::config::Mode;
use platform::limits::Limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use uuid::Uuid;
use web_protocol::close;
use web_protocol::y_websocket::Message;
use yrs::StateVector;
use yrs::updates::encoder::Encode;

use crate::client::{Event, text_of};
use crate::server::Server;
use crate::y_client::{YClient, message};

#[tokio::test]
async fn y1_stock_clients_and_ours_edit_one_document() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut ours = server.editor(&ann, &name).await;
    let mut stock = server.stock_client(&ann, &name).await;
    let mut encoded = server.stock_client(&ann, &name.replace(':', "%3A")).await;
    ours.type_text("ours ").await;
    stock.until_text(|text| text == "ours ").await;
    stock.type_text("theirs ").await;
    ours.until_text(|text| text == "theirs ours ").await;
    encoded.until_text(|text| text == "theirs ours ").await;
    server.stop().await;
}

#[tokio::test]
async fn y1_a_scratch_document_needs_no_token_in_development_and_is_none_in_production() {
    let server = Server::start().await;
    let mut first = YClient::connect(server.address, "scratch:board", None).await;
    first.handshake().await;
    first.type_text("anybody").await;
    let mut second = YClient::connect(server.address, "scratch:board", None).await;
    second.handshake().await;
    second.until_text(|text| text == "anybody").await;
    // P1: without an identity, a state is relayed whole.
    let state = json!({ "user": { "name": "Me", "color": "#123456" }, "cursor": 1 });
    first.publish(1, 1, &state).await;
    assert_eq!(second.awareness().await, [(1, 1, state)]);
    // A token that is brought must hold.
    let mut third = YClient::connect(server.address, "scratch:board", Some("rubbish")).await;
    assert_eq!(third.socket.closed().await, close::UNAUTHORIZED);
    server.stop().await;

    let server = Server::in_mode(Limits::default(), Mode::Production).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = YClient::connect(server.address, "scratch:board", None).await;
    assert_eq!(client.socket.closed().await, close::UNAUTHORIZED);
    let mut client = YClient::connect(server.address, "scratch:board", Some(&ann.token)).await;
    assert_eq!(client.socket.closed().await, close::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn y2_unknown_types_are_ignored_and_what_cannot_be_decoded_closes() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.stock_client(&ann, &name).await;
    for ignored in [vec![4, 1, 2, 3], vec![200, 1], vec![2, 0, 1, b'x']] {
        client.socket.send(WebSocketMessage::binary(ignored)).await;
    }
    client.send(Message::Step1(&StateVector::default().encode_v1())).await;
    client.until_synced().await;
    for malformed in [vec![], vec![0, 0, 5], vec![0, 7, 0], vec![0, 0, 1, 0, 0], vec![1, 3, 2, 1, 1]] {
        let mut client = server.stock_client(&ann, &name).await;
        client.socket.send(WebSocketMessage::binary(malformed.clone())).await;
        assert_eq!(client.socket.closed().await, close::MALFORMED, "{malformed:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn y3_the_server_asks_first_then_tells_who_is_present_and_answers_step_1() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut alone = YClient::connect(server.address, &name, Some(&ann.token)).await;
    let first = alone.socket.next().await;
    assert!(matches!(message(&first), Some(Message::Step1(_))), "{first:?}");
    alone.send(Message::Step1(&StateVector::default().encode_v1())).await;
    let second = alone.socket.next().await;
    assert!(matches!(message(&second), Some(Message::Step2(_))), "nobody is present, so nothing is said: {second:?}");

    alone.publish(5, 1, &json!({ "user": { "name": "forged" } })).await;
    assert_eq!(alone.awareness().await[0].2["user"]["name"], "Ann");
    let mut newcomer = YClient::connect(server.address, &name, Some(&ann.token)).await;
    let first = newcomer.socket.next().await;
    assert!(matches!(message(&first), Some(Message::Step1(_))), "{first:?}");
    let second = newcomer.socket.next().await;
    assert!(matches!(message(&second), Some(Message::Awareness(_))), "{second:?}");
    newcomer.send(Message::QueryAwareness).await;
    assert_eq!(newcomer.awareness().await[0].0, 5);
    drop(alone);
    assert_eq!(newcomer.awareness().await, [(5, 2, Value::Null)]);
    server.stop().await;
}

#[tokio::test]
async fn y4_a_refused_update_is_answered_with_the_reason_and_the_socket_stays() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut reader = server.stock_client(&eve, &name).await;
    reader.type_text("not allowed").await;
    assert!(reader.denied().await.contains("read"));
    let mut writer = server.stock_client(&ann, &name).await;
    writer.send(Message::Update(&[1, 2, 3])).await;
    assert!(writer.denied().await.contains("not a valid update"));
    writer.type_text("read this ").await;
    reader.until_text(|text| text.contains("read this ")).await;
    let newcomer = server.stock_client(&ann, &name).await;
    assert_eq!(text_of(&newcomer.doc), "read this ");
    server.stop().await;
}

#[tokio::test]
async fn y4_when_saving_is_behind_the_socket_is_closed_with_1013_and_the_edits_come_again() {
    let server = Server::with(Limits { unsaved_bytes_per_document: 3000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.stock_client(&ann, &name).await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    client.type_text(&"a".repeat(2000)).await;
    client.type_text(&"b".repeat(2000)).await;
    assert_eq!(client.socket.closed().await, close::TRY_LATER);
    server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    let mut again = YClient::connect(server.address, &name, Some(&ann.token)).await;
    again.doc = client.doc;
    let mut witness = server.stock_client(&ann, &name).await;
    // Offered until it is taken, as a client that reconnects does.
    loop {
        again.handshake().await;
        again.send(Message::QueryAwareness).await;
        again.send(Message::Step1(&StateVector::default().encode_v1())).await;
        let answer = again
            .socket
            .find("an answer", |event| match message(event) {
                Some(Message::Step2(_)) => Some(true),
                _ => matches!(event, Event::Closed(_)).then_some(false),
            })
            .await;
        if answer {
            break;
        }
        let doc = again.doc;
        again = YClient::connect(server.address, &name, Some(&ann.token)).await;
        again.doc = doc;
    }
    witness.until_text(|text| text.len() == 4000).await;
    server.stop().await;
}

#[tokio::test]
async fn y5_tokens_and_documents_that_will_not_do_are_told_by_the_close_code() {
    let server = Server::start().await;
    let (ann, sam) = (server.person("Ann", ProjectRole::Member).await, server.stranger("Sam").await);
    let (_, name) = server.document().await;
    let missing = format!("doc:{}", Uuid::new_v4());
    let cases = [
        (name.as_str(), None, close::UNAUTHORIZED),
        (name.as_str(), Some("rubbish"), close::UNAUTHORIZED),
        (name.as_str(), Some(sam.token.as_str()), close::NOT_FOUND),
        (missing.as_str(), Some(ann.token.as_str()), close::NOT_FOUND),
        ("what-is-this", Some(ann.token.as_str()), close::NOT_FOUND),
    ];
    for (document, token, expected) in cases {
        let mut client = YClient::connect(server.address, document, token).await;
        assert_eq!(client.socket.next().await, Event::Closed(expected), "{document} {token:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn y5_at_the_end_of_the_authority_the_socket_is_closed() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let brief = server.token_until(&ann.principal, TimeDelta::milliseconds(2500));
    let mut client = YClient::connect(server.address, &name, Some(&brief)).await;
    client.handshake().await;
    assert_eq!(client.socket.closed().await, close::AUTHORITY_ENDED);
    server.stop().await;
}
