//! Binary frames, the handshake, receipts and refusals (G11–G16, D3–D5).

use platform::access::ProjectRole;
use platform::limits::{Limit, Limits};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use web_protocol::close;
use web_protocol::frame::{Body, Frame};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, Map, ReadTxn, StateVector, Transact, Update, WriteTxn};

use crate::client::{Client, Event, body, new_doc};
use crate::server::Server;

#[tokio::test]
async fn g16_a_frame_that_cannot_be_decoded_is_answered_and_closes_the_socket() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let number = {
        let client = server.editor(&ann, &name).await;
        u8::try_from(client.number).unwrap()
    };
    let receipt = Frame { number: number.into(), body: Body::Receipt { through: 1, epoch: 1, seq: 1 } }.encode();
    let malformed: [Vec<u8>; 6] = [
        vec![],
        vec![number, 9, 0],
        vec![number, 2, 200, 1],
        vec![number, 0, 1, 0, 0],
        vec![number, 3, 2, 200, 200],
        receipt,
    ];
    for frame in malformed {
        let mut client = server.editor(&ann, &name).await;
        client.socket.send(Message::binary(frame.clone())).await;
        assert_eq!(client.error().await["code"], "MALFORMED_FRAME", "{frame:?}");
        assert_eq!(client.socket.closed().await, close::MALFORMED, "{frame:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn g16_a_frame_for_an_unknown_number_is_answered_and_the_socket_goes_on() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    for unknown in [0, client.number + 1, u64::from(u32::MAX)] {
        client.socket.send(Message::binary(Frame { number: unknown, body: Body::Step1(&[0]) }.encode())).await;
        assert_eq!(client.error().await["code"], "UNKNOWN_CHANNEL");
    }
    client.type_text("still here").await;
    client.until_saved().await;
    server.stop().await;
}

#[tokio::test]
async fn g12_each_side_asks_and_is_answered_even_with_nothing_to_add() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.client(&ann).await;
    client.subscribe(&name, None).await;
    let subscribed = client.reply("subscribed").await;
    client.number = subscribed["payload"]["sync"]["number"].as_u64().unwrap();
    let next = client.socket.next().await;
    let Some(Body::Step1(state_vector)) = body(&next, client.number) else { panic!("{next:?} is no step 1") };
    assert_eq!(StateVector::decode_v1(state_vector).unwrap(), StateVector::default());
    for _ in 0..3 {
        client.send(Body::Step1(&StateVector::default().encode_v1())).await;
        let next = client.socket.next().await;
        let Some(Body::Step2(update)) = body(&next, client.number) else { panic!("{next:?} is no step 2") };
        assert!(Update::decode_v1(update).unwrap().is_empty());
    }
    server.stop().await;
}

#[tokio::test]
async fn g12_updates_may_be_sent_right_after_subscribed_and_a_late_step_1_brings_everything() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut early = server.client(&ann).await;
    early.subscribe(&name, None).await;
    let subscribed = early.reply("subscribed").await;
    early.number = subscribed["payload"]["sync"]["number"].as_u64().unwrap();
    early.type_text("before any handshake").await;
    early.until_saved().await;
    let mut late = server.editor(&ann, &name).await;
    assert_eq!(late.text(), "before any handshake", "step 2 completes the replica");
    early.type_text("and ").await;
    late.until_text(|text| text == "and before any handshake").await;
    assert_eq!(early.updates_passed_over(), 0, "nobody is sent its own updates");
    server.stop().await;
}

#[tokio::test]
async fn g13_receipts_are_cumulative_and_say_the_place_in_the_log() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    assert_eq!(client.until_saved().await, [(1, 1, 0)], "the empty step 2 is frame 1 and adds nothing");
    for _ in 0..20 {
        client.type_text("x").await;
    }
    let receipts = client.until_saved().await;
    assert_eq!(receipts.last(), Some(&(21, 1, 20)));
    assert!(receipts.is_sorted(), "{receipts:?}");
    assert!(receipts.iter().all(|(through, _, seq)| through - 1 == *seq), "{receipts:?}");

    // D3: what adds nothing takes no place in the log.
    let everything = client.doc.transact().encode_state_as_update_v1(&StateVector::default());
    client.send(Body::Update(&everything)).await;
    assert_eq!(client.until_saved().await, [(22, 1, 20)]);

    // Another socket counts its own frames.
    let mut other = server.editor(&ann, &name).await;
    assert_eq!(other.until_saved().await, [(1, 1, 20)]);
    // So does another subscription of the same socket.
    client.ask(json!({ "type": "unsubscribe", "payload": { "channel": name } })).await;
    client.reply("unsubscribed").await;
    client.open(&name).await;
    assert_eq!(client.until_saved().await, [(1, 1, 20)]);
    server.stop().await;
}

#[tokio::test]
async fn g15_a_refused_update_is_named_by_its_number_and_the_rest_is_saved() {
    let server = Server::with(Limits { update_bytes: 2000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&ann, &name).await;
    client.type_text("one ").await;
    let too_large = updates_of(&new_doc(), &"x".repeat(2001));
    client.send(Body::Update(&too_large)).await;
    client.send(Body::Update(&[9, 9, 9])).await;
    client.type_text("two ").await;

    let refused = client.reply("refused").await["payload"].take();
    assert_eq!((&refused["channel"], &refused["update"]), (&json!(name), &json!(3)));
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("UPDATE_TOO_LARGE"), &json!(false)));
    assert_eq!(server.reached.get(Limit::UpdateBytes), 1);
    let refused = client.reply("refused").await["payload"].take();
    assert_eq!((&refused["update"], &refused["code"]), (&json!(4), &json!("MALFORMED_UPDATE")));
    assert!(refused["message"].is_string());
    let receipts = client.until_saved().await;
    assert_eq!(receipts.last(), Some(&(5, 1, 2)));

    witness.until_text(|text| text == "two one ").await;
    assert_eq!(witness.updates_passed_over(), 1, "a refused update is relayed to nobody");
    server.stop().await;
}

#[tokio::test]
async fn d5_what_a_document_has_no_room_for_is_refused_and_counted() {
    let server = Server::with(Limits { document_bytes: 3000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    client.type_text(&"x".repeat(3001)).await;
    let refused = client.reply("refused").await["payload"].take();
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("DOCUMENT_TOO_LARGE"), &json!(false)));
    assert_eq!(server.reached.get(Limit::DocumentBytes), 1);
    server.stop().await;
}

#[tokio::test]
async fn g15_readers_are_refused_and_may_ask() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut writer = server.editor(&ann, &name).await;
    let mut reader = server.editor(&eve, &name).await;
    writer.type_text("read this").await;
    reader.until_text(|text| text == "read this").await;
    reader.type_text("not allowed").await;
    let refused = reader.reply("refused").await["payload"].take();
    assert_eq!((&refused["update"], &refused["code"]), (&json!(2), &json!("READ_ONLY")));
    writer.type_text("and ").await;
    writer.until_saved().await;
    let mut newcomer = server.editor(&ann, &name).await;
    newcomer.until_text(|text| text == "and read this").await;
    assert_eq!(writer.updates_passed_over(), 0);
    server.stop().await;
}

#[tokio::test]
async fn d4_missing_predecessors_are_asked_for() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&ann, &name).await;
    let lost = client.write("one ");
    client.type_text("two ").await;
    assert_eq!(client.step_1().await.get(&client.doc.client_id()), 0, "the server asks for what is missing");
    client.send(Body::Step2(&lost)).await;
    client.until_saved().await;
    witness.until_text(|text| text == "two one ").await;
    server.stop().await;
}

#[tokio::test]
async fn d5_content_that_other_clients_cannot_read_is_refused_kept_aside_and_relayed_to_nobody() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (document, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&ann, &name).await;
    let unsupported = [sub_document(), content_of_kind(11), content_of_kind(2)];
    for update in &unsupported {
        client.send(Body::Update(update)).await;
        let refused = client.reply("refused").await["payload"].take();
        assert_eq!((&refused["update"], &refused["code"]), (&json!(client.sent), &json!("UNSUPPORTED_CONTENT")));
    }
    client.type_text("harmless").await;
    client.until_saved().await;
    witness.until_text(|text| text == "harmless").await;
    assert_eq!(witness.updates_passed_over(), 0);
    server.stop().await;

    let check = format!(
        "DO $$ BEGIN
           ASSERT (SELECT count(*) FROM document_quarantine WHERE document_id = '{id}' AND principal_id = '{ann}') = 3;
           ASSERT (SELECT count(*) FROM document_updates WHERE document_id = '{id}') = 1;
           ASSERT EXISTS (SELECT FROM document_quarantine WHERE update = decode('{update}', 'hex'));
         END $$",
        id = document.id,
        ann = ann.user.id,
        update = hex(&unsupported[0]),
    );
    server.database.sabotage(&check).await;
}

fn updates_of(doc: &Doc, text: &str) -> Vec<u8> {
    let shared = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    yrs::Text::insert(&shared, &mut txn, 0, text);
    txn.encode_update_v1()
}

fn sub_document() -> Vec<u8> {
    let doc = new_doc();
    let mut txn = doc.transact_mut();
    let map = txn.get_or_insert_map("map");
    map.insert(&mut txn, "inner", Doc::new());
    txn.encode_update_v1()
}

/// One item of a kind of content, in the map `m`, with content that is never looked at.
fn content_of_kind(kind: u8) -> Vec<u8> {
    let (one_client, one_struct, client, clock) = (1, 1, 77, 0);
    let (named_parent, name_length, name) = (1, 1, b'm');
    vec![one_client, one_struct, client, clock, kind, named_parent, name_length, name, 0, 0, 0]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[tokio::test]
async fn g14_all_replicas_say_the_same_when_they_are_synced_and_saved() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..4 {
        clients.push(server.editor(&ann, &name).await);
    }
    for round in 0..10 {
        for client in &mut clients {
            client.type_text(&format!("{round} ")).await;
        }
    }
    for client in &mut clients {
        client.until_saved().await;
        client.until_text(|text| text.len() == 10 * 4 * 2).await;
    }
    let newcomer = server.editor(&ann, &name).await;
    for client in &clients {
        assert_eq!(client.text(), newcomer.text());
    }
    let closed = clients[0].socket.passed_over().any(|event| matches!(event, Event::Closed(_)));
    assert!(!closed);
    server.stop().await;
}
