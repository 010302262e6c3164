//! What is not of a document's shape is repaired, and its author is told (D10, D11, G25).

use platform::access::ProjectRole;
use platform::auth::PrincipalRef;
use schema::ids::{Epoch, Seq};
use serde_json::json;
use web_protocol::frame::Body;
use yrs::{Array, Doc, Transact, WriteTxn};

use crate::client::Client;
use crate::server::Server;

/// Puts something into a node's outputs that is no item.
async fn write_no_item(client: &mut Client) {
    let update = {
        let mut txn = client.doc.transact_mut();
        txn.get_or_insert_array("outputs").push_back(&mut txn, "no item");
        txn.encode_update_v1()
    };
    client.send(Body::Update(&update)).await;
}

fn texts(doc: &Doc) -> Vec<Option<String>> {
    schema::node::read(&doc.transact()).outputs.into_iter().map(|item| item.text).collect()
}

#[tokio::test]
async fn d10_a_violation_is_repaired_for_everybody_and_g25_its_author_is_told() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let node = server.node().await;
    let name = format!("node:{node}");
    let mut author = server.editor(&ann, &name).await;
    let mut stock = server.stock_client(&bob, &name).await;
    author.until_saved().await;
    write_no_item(&mut author).await;
    let is_item = |doc: &Doc| texts(doc) == [Some("no item".to_owned())];
    for doc in [author.doc.clone(), stock.doc.clone()] {
        assert!(!is_item(&doc));
    }
    let (of_author, of_stock) = (author.doc.clone(), stock.doc.clone());
    author.until_text(|_| is_item(&of_author)).await;
    stock.until_text(|_| is_item(&of_stock)).await;
    let notice = author.reply("repaired").await["payload"].take();
    let repairs = json!([{ "path": "outputs.0", "reason": "not_a_map" }]);
    assert_eq!(notice, json!({ "channel": name, "repairs": repairs, "more": 0 }));
    assert_eq!(author.until_saved().await.last(), Some(&(2, 1, 1)), "its own update is durable as it was sent");

    // The repair is in the log, as the server's own.
    let mut newcomer = server.client(&bob).await;
    let opened = loop {
        let opened = newcomer.open(&name).await;
        if opened["sync"]["seq"] == 2 {
            break opened;
        }
        newcomer.ask(json!({ "type": "unsubscribe", "payload": { "channel": name } })).await;
        newcomer.reply("unsubscribed").await;
    };
    assert_eq!(opened["sync"]["epoch"], 1);
    assert!(is_item(&newcomer.doc));
    let stored = platform::db::log::load(&server.database.db, server.org, node).await.unwrap().unwrap();
    assert_eq!((stored.epoch, stored.head), (Epoch::FIRST, Seq::new(2)));
    let owners: Vec<PrincipalRef> = stored.client_owners.into_iter().map(|(_, owner)| owner).collect();
    assert!(owners.contains(&PrincipalRef::SYSTEM) && owners.len() == 2, "{owners:?}");
    server.stop().await;
}

#[tokio::test]
async fn d10_a_free_document_has_no_shape() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut author = server.editor(&ann, &name).await;
    write_no_item(&mut author).await;
    author.until_saved().await;
    // Longer than a repair takes.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let newcomer = server.editor(&ann, &name).await;
    let values = newcomer.doc.get_or_insert_array("outputs");
    assert_eq!(values.get(&newcomer.doc.transact(), 0), Some("no item".into()));
    server.stop().await;
}
