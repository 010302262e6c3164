//! Large messages in pieces (G24).

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use platform::access::ProjectRole;
use serde_json::json;
use web_protocol::close;
use web_protocol::frame::{Body, Piece, PieceForm, PieceOf};
use yrs::{ReadTxn, StateVector, Text, Transact};

use crate::client::{Client, apply, body};
use crate::server::Server;

/// Far more than a piece holds.
const EDITS: usize = 20_000;

/// Writes something long, as one update.
async fn write_long(author: &mut Client) {
    let text = author.doc.get_or_insert_text("text");
    for number in 0..EDITS {
        // Not in a row, so that each is an item of its own.
        text.insert(&mut author.doc.transact_mut(), 0, &format!("word {number} "));
    }
    let update = author.doc.transact().encode_state_as_update_v1(&StateVector::default());
    author.send(Body::Update(&update)).await;
    author.until_saved().await;
}

/// Subscribes with further capabilities than those that every client of these tests has.
async fn open_with(client: &mut Client, name: &str, capabilities: &[&str]) {
    let capabilities: Vec<_> = ["receipts", "notices"].iter().chain(capabilities).collect();
    let sync = json!({ "epoch": null, "capabilities": capabilities });
    client.ask(json!({ "type": "subscribe", "payload": { "channel": name, "sync": sync } })).await;
    let subscribed = client.reply("subscribed").await;
    assert_eq!(subscribed["payload"]["sync"]["capabilities"], json!(capabilities), "G8");
    client.number = subscribed["payload"]["sync"]["number"].as_u64().unwrap();
    client.send(Body::Step1(&[0])).await;
}

/// What came in pieces, put together.
struct Received {
    content: Vec<u8>,
    of: PieceOf,
    pieces: usize,
    deflated: usize,
    wire_bytes: usize,
}

async fn receive(client: &mut Client) -> Received {
    let mut received = Received { content: Vec::new(), of: PieceOf::Update, pieces: 0, deflated: 0, wire_bytes: 0 };
    let number = client.number;
    client
        .socket
        .find("all pieces", |event| {
            let Some(Body::Piece(Piece { of, total, form, bytes })) = body(event, number) else { return None };
            received.of = of;
            received.pieces += 1;
            received.wire_bytes += bytes.len();
            if let PieceForm::Deflated { size } = form {
                received.deflated += 1;
                let inflated = ZlibDecoder::new(bytes).read_to_end(&mut received.content).unwrap();
                assert_eq!(inflated as u64, size);
            } else {
                received.content.extend_from_slice(bytes);
            }
            (received.content.len() as u64 == total).then_some(())
        })
        .await;
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn g24_a_newcomer_gets_a_large_document_in_pieces_as_it_can_read_them() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut author = server.editor(&ann, &name).await;
    write_long(&mut author).await;
    for capabilities in [&["pieces", "deflate"][..], &["pieces"]] {
        let mut newcomer = server.client(&ann).await;
        open_with(&mut newcomer, &name, capabilities).await;
        let received = receive(&mut newcomer).await;
        assert_eq!(received.of, PieceOf::Step2);
        assert!(received.pieces > 1);
        let is_compressed = capabilities.contains(&"deflate");
        assert_eq!(received.deflated > 0, is_compressed);
        assert_eq!(received.wire_bytes * 2 < received.content.len(), is_compressed, "{} bytes", received.wire_bytes);
        apply(&newcomer.doc, &received.content);
        assert!(newcomer.text() == author.text(), "{capabilities:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g24_who_does_not_offer_it_gets_no_pieces() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut author = server.editor(&ann, &name).await;
    write_long(&mut author).await;
    let mut newcomer = server.client(&ann).await;
    newcomer.open(&name).await;
    assert!(newcomer.text() == author.text());
    let number = newcomer.number;
    assert!(!newcomer.socket.passed_over().any(|event| matches!(body(event, number), Some(Body::Piece(_)))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g24_a_large_edit_comes_in_pieces_and_what_follows_it_behind_them() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut author = server.editor(&ann, &name).await;
    let mut reader = server.client(&ann).await;
    open_with(&mut reader, &name, &["pieces", "deflate"]).await;
    reader.until_synced().await;
    write_long(&mut author).await;
    author.type_text("and more ").await;
    let received = receive(&mut reader).await;
    assert_eq!(received.of, PieceOf::Update);
    let early = reader.socket.passed_over().any(|event| matches!(body(event, reader.number), Some(Body::Update(_))));
    assert!(!early, "an update overtook the pieces before it");
    apply(&reader.doc, &received.content);
    reader.until_text(|text| text == author.text()).await;
    server.stop().await;
}

#[tokio::test]
async fn g24_pieces_are_the_server_s_to_send() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let piece = Piece { of: PieceOf::Update, total: 2, form: PieceForm::Plain, bytes: &[0, 0] };
    client.send(Body::Piece(piece)).await;
    assert_eq!(client.error().await["code"], "MALFORMED_FRAME");
    assert_eq!(client.socket.closed().await, close::MALFORMED);
    server.stop().await;
}
