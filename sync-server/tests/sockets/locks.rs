//! Locks of nodes (G26–G28).

use platform::access::ProjectRole;
use serde_json::{Value, json};
use uuid::Uuid;
use web_protocol::frame::Body;
use yrs::{ReadTxn, Transact};

use crate::client::{Client, Event};
use crate::server::Server;

async fn acquire(client: &mut Client, node: Uuid) {
    client.ask(json!({ "type": "lock_acquire", "payload": { "nodeId": node }, "requestId": "l" })).await;
}

async fn release(client: &mut Client, node: Uuid) {
    client.ask(json!({ "type": "lock_release", "payload": { "nodeId": node }, "requestId": "r" })).await;
}

async fn enforce(server: &Server) {
    let sql = format!(r#"UPDATE projects SET settings = '{{"lockMode": "enforced"}}' WHERE id = '{}'"#, server.project);
    server.database.sabotage(&sql).await;
}

#[tokio::test]
async fn g26_a_lock_is_taken_by_one_and_g27_given_back() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let node = server.node().await;
    let name = format!("node:{node}");
    let mut holder = server.client(&ann).await;
    acquire(&mut holder, node).await;
    assert_eq!(holder.reply("error").await["payload"]["code"], "NOT_SUBSCRIBED");
    holder.open(&name).await;
    acquire(&mut holder, node).await;
    let lock = holder.reply("lock_acquired").await;
    assert_eq!(lock["requestId"], "l");
    let lock = &lock["payload"];
    assert_eq!((&lock["nodeId"], &lock["lockedBy"]), (&json!(node), &json!(ann.user.id)));
    assert_eq!((&lock["fencingToken"], &lock["enforced"]), (&json!(1), &json!(false)));
    assert_eq!(lock["holder"], json!({ "kind": "user", "id": ann.user.id, "name": "Ann" }));

    let mut other = server.editor(&bob, &name).await;
    acquire(&mut other, node).await;
    let error = other.reply("error").await["payload"].take();
    assert_eq!((&error["code"], &error["lock"]["holder"]["name"]), (&json!("LOCK_HELD"), &json!("Ann")));
    release(&mut other, node).await;
    assert_eq!(other.reply("error").await["payload"]["code"], "LOCK_NOT_HELD");
    other.type_text("an advisory lock refuses nothing").await;
    other.until_saved().await;

    release(&mut holder, node).await;
    assert_eq!(holder.reply("lock_released").await["payload"], json!({ "nodeId": node }));
    acquire(&mut other, node).await;
    let taken: Value = other.reply("lock_acquired").await["payload"].take();
    assert_eq!(taken["fencingToken"], 2, "a later holder has a greater token");

    let viewer = server.person("Vic", ProjectRole::Viewer).await;
    let mut reader = server.client(&viewer).await;
    reader.open(&name).await;
    acquire(&mut reader, node).await;
    assert_eq!(reader.reply("error").await["payload"]["code"], "READ_ONLY");
    server.stop().await;
}

#[tokio::test]
async fn g28_an_enforced_lock_keeps_others_out_until_it_ends_and_then_nothing_of_theirs_is_lost() {
    let server = Server::start().await;
    enforce(&server).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let node = server.node().await;
    let name = format!("node:{node}");
    let mut holder = server.editor(&ann, &name).await;
    let mut other = server.editor(&bob, &name).await;
    acquire(&mut holder, node).await;
    assert_eq!(holder.reply("lock_acquired").await["payload"]["enforced"], true);
    holder.type_text("mine").await;
    holder.until_saved().await;

    other.type_text("yours").await;
    let refused = other.reply("refused").await["payload"].take();
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("LOCK_HELD"), &json!(true)));
    assert!(refused["message"].as_str().unwrap().contains("Ann"), "{refused}");
    assert!(!holder.text().contains("yours"));

    release(&mut holder, node).await;
    holder.reply("lock_released").await;
    // The server asks for what it refused.
    let asked = other.step_1().await;
    let answer = other.doc.transact().encode_state_as_update_v1(&asked);
    other.send(Body::Step2(&answer)).await;
    holder.until_text(|text| text.contains("yours") && text.contains("mine")).await;
    server.stop().await;
}

#[tokio::test]
async fn g26_a_lock_ends_when_its_holders_last_session_does() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let node = server.node().await;
    let name = format!("node:{node}");
    let mut holder = server.editor(&ann, &name).await;
    acquire(&mut holder, node).await;
    holder.reply("lock_acquired").await;
    let mut other = server.editor(&bob, &name).await;
    drop(holder);
    let taken = async {
        loop {
            acquire(&mut other, node).await;
            let is_answer = |reply: &Value| reply["type"] == "lock_acquired" || reply["type"] == "error";
            let answer = |event: &Event| match event {
                Event::Text(text) if is_answer(text) => Some(text.clone()),
                _ => None,
            };
            let reply = other.socket.find("an answer", answer).await;
            if reply["type"] == "lock_acquired" {
                return reply;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let taken = tokio::time::timeout(std::time::Duration::from_mins(1), taken).await.expect("the lock ends");
    assert_eq!(taken["payload"]["fencingToken"], 2);
    server.stop().await;
}
