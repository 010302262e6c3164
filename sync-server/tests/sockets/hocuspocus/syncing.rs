//! The handshake, sync statuses and awareness (H5–H7).

use platform::access::ProjectRole;
use platform::limits::Limits;
use serde_json::json;
use web_protocol::hocuspocus::{Message, Saved};
use yrs::updates::encoder::Encode;
use yrs::{ReadTxn, StateVector, Transact};

use crate::h_client::{HClient, Replica, message};
use crate::server::Server;

const CUT: &str = "ALTER TABLE document_updates RENAME TO elsewhere";
const MEND: &str = "ALTER TABLE elsewhere RENAME TO document_updates";

#[tokio::test]
async fn h5_the_server_asks_when_it_is_asked_and_answers_then() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    client.token(&name, &ann.token).await;
    for _ in 0..2 {
        client.send(&name, Message::Step1(&StateVector::default().encode_v1())).await;
    }
    let mut said = Vec::new();
    while said.len() < 5 {
        said.push(client.next(&name).await.split('(').next().unwrap().to_owned());
    }
    assert_eq!(said, ["Authenticated", "Step1", "Step2", "Step1", "Step2"]);
    server.stop().await;
}

#[tokio::test]
async fn h5_a_large_document_comes_in_parts_and_is_complete_with_step_2() {
    let server = Server::with(Limits { outbox_bytes: 10_000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut writer = HClient::connect(server.address).await;
    let written = writer.open(&name, &ann.token).await;
    for _ in 0..20 {
        writer.type_text(&written, &"x".repeat(50_000)).await;
    }
    for _ in 0..20 {
        assert_eq!(writer.status(&name).await, Saved::Yes);
    }
    let mut reader = HClient::connect(server.address).await;
    assert_eq!(reader.open(&name, &ann.token).await.text().len(), 1_000_000);
    server.stop().await;
}

#[tokio::test]
async fn h6_every_frame_has_its_status_in_order() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    client.type_text(&replica, "one ").await;
    client.send(&name, Message::Update(&[1, 2, 3])).await;
    let again = replica.doc.transact().encode_state_as_update_v1(&StateVector::default());
    client.send(&name, Message::Update(&again)).await;
    client.send(&name, Message::Step2(&again)).await;
    client.type_text(&replica, "two ").await;
    for expected in [Saved::Yes, Saved::No, Saved::Yes, Saved::Yes, Saved::Yes] {
        assert_eq!(client.status(&name).await, expected);
    }
    // What is handled next has been answered when all before it was.
    client.send(&name, Message::Step1(&StateVector::default().encode_v1())).await;
    client.until_synced(&replica).await;
    assert_eq!(client.statuses_passed_over(&name), 0, "one status for each, and no more");
    server.stop().await;
}

#[tokio::test]
async fn h6_saved_is_said_after_the_commit() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    let mut witness = HClient::connect(server.address).await;
    let watched = witness.open(&name, &ann.token).await;
    server.database.sabotage(CUT).await;
    client.type_text(&replica, "kept").await;
    client.send(&name, Message::Update(&[1, 2, 3])).await;
    witness.until_text(&watched, |text| text == "kept").await;
    // Answered by the room after the frames: their statuses would have come before.
    client.publish(&name, 5, 1, &json!({})).await;
    client.awareness(&name).await;
    assert_eq!(client.statuses_passed_over(&name), 0, "nothing is confirmed that is not durable");
    server.database.sabotage(MEND).await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    assert_eq!(client.status(&name).await, Saved::No);
    server.stop().await;
}

#[tokio::test]
async fn h6_a_readers_updates_are_refused_and_its_empty_step_2_is_not() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut writer = HClient::connect(server.address).await;
    let written = writer.open(&name, &ann.token).await;
    writer.type_text(&written, "to read").await;
    writer.status(&name).await;
    let mut reader = HClient::connect(server.address).await;
    let replica = reader.open(&name, &eve.token).await;
    let known = replica.doc.transact().encode_state_as_update_v1(&StateVector::default());
    reader.send(&name, Message::Step2(&known)).await;
    assert_eq!(reader.status(&name).await, Saved::Yes);
    reader.send(&name, Message::Update(&known)).await;
    assert_eq!(reader.status(&name).await, Saved::No, "even with nothing new in it");
    reader.type_text(&replica, "forged ").await;
    assert_eq!(reader.status(&name).await, Saved::No);
    let everything = replica.doc.transact().encode_state_as_update_v1(&StateVector::default());
    reader.send(&name, Message::Step2(&everything)).await;
    assert_eq!(reader.status(&name).await, Saved::No);
    let mut newcomer = HClient::connect(server.address).await;
    assert_eq!(newcomer.open(&name, &ann.token).await.text(), "to read");
    server.stop().await;
}

#[tokio::test]
async fn h6a_the_answer_to_a_question_of_the_servers_own_has_no_status() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    // The first of two keystrokes does not arrive: its predecessor is missing (D4).
    replica.write("lost ");
    client.type_text(&replica, "found ").await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    client.answer(&replica).await;
    client.type_text(&replica, "next ").await;
    assert_eq!(client.status(&name).await, Saved::Yes, "of the keystroke");
    let mut witness = HClient::connect(server.address).await;
    assert_eq!(witness.open(&name, &ann.token).await.text(), "next found lost ");
    assert_eq!(client.statuses_passed_over(&name), 0);
    server.stop().await;
}

#[tokio::test]
async fn h6b_a_client_that_counts_anew_hears_nothing_of_what_it_has_forgotten() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    server.database.sabotage(CUT).await;
    client.type_text(&replica, "forgotten ").await;
    client.type_text(&replica, "forgotten ").await;
    client.step_1(&replica).await;
    client.type_text(&replica, "counted ").await;
    client.answer(&replica).await;
    client.until_synced(&replica).await;
    server.database.sabotage(MEND).await;
    assert_eq!(client.status(&name).await, Saved::Yes);
    assert_eq!(client.status(&name).await, Saved::Yes);
    client.step_1(&replica).await;
    client.until_synced(&replica).await;
    assert_eq!(client.statuses_passed_over(&name), 0, "two frames since the step 1");
    server.stop().await;
}

#[tokio::test]
async fn h6c_what_could_not_be_taken_is_asked_for_and_confirmed_later() {
    const KEYSTROKES: usize = 40;
    let limits = Limits { unsaved_bytes_per_document: 400, heartbeat_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = client.open(&name, &ann.token).await;
    server.database.sabotage(CUT).await;
    for _ in 0..KEYSTROKES {
        client.type_text(&replica, "0123").await;
    }
    client.publish(&name, 5, 1, &json!({})).await;
    client.awareness(&name).await;
    server.database.sabotage(MEND).await;
    // Taken are the first few; the rest is refused, since saving is behind.
    client.answer(&replica).await;
    for number in 0..KEYSTROKES {
        assert_eq!(client.status(&name).await, Saved::Yes, "status {number}");
    }
    assert_eq!(client.statuses_passed_over(&name), 0);
    let mut newcomer = HClient::connect(server.address).await;
    assert_eq!(newcomer.open(&name, &ann.token).await.text().len(), 4 * KEYSTROKES);
    server.stop().await;
}

#[tokio::test]
async fn h7_presence_has_the_servers_identity_and_comes_back_to_its_sender() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut ours = HClient::connect(server.address).await;
    ours.open(&name, &ann.token).await;
    let mut theirs = HClient::connect(server.address).await;
    theirs.open(&name, &eve.token).await;
    ours.publish(&name, 5, 1, &json!({ "user": { "name": "The director" }, "cursor": 3 })).await;
    for told in [&mut ours, &mut theirs] {
        let state = told.awareness(&name).await;
        assert_eq!((state[0].0, state[0].1), (5, 1));
        assert_eq!((&state[0].2["user"]["name"], &state[0].2["cursor"]), (&json!("Ann"), &json!(3)));
    }
    // A renewal has nothing new but its clock.
    ours.publish(&name, 5, 2, &json!({ "cursor": 3 })).await;
    assert_eq!(ours.awareness(&name).await[0].1, 2);
    theirs.awareness(&name).await;
    theirs.send(&name, Message::QueryAwareness).await;
    assert_eq!(theirs.awareness(&name).await[0].0, 5);
    drop(ours);
    assert_eq!(theirs.awareness(&name).await, [(5, 3, json!(null))]);
    server.stop().await;
}

#[tokio::test]
async fn h7_a_socket_is_not_silent_for_long() {
    let server = Server::with(Limits { heartbeat_seconds: 1, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    client.open(&name, &ann.token).await;
    for _ in 0..2 {
        assert_eq!(client.awareness(&name).await, [], "about nobody");
    }
    server.stop().await;
}

#[tokio::test]
async fn h7_a_receiver_that_reads_slowly_loses_no_edit() {
    const EDITS: usize = 200;
    let server = Server::with(Limits { outbox_bytes: 20_000, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut slow = HClient::connect_with(server.address, Some(2048)).await;
    let late = slow.open(&name, &ann.token).await;
    let mut busy = HClient::connect(server.address).await;
    let replica = busy.open(&name, &ann.token).await;
    for _ in 0..EDITS {
        busy.type_text(&replica, &"x".repeat(8 * 1024)).await;
        busy.send(&name, Message::Stateless("tick")).await;
    }
    for _ in 0..EDITS {
        assert_eq!(busy.status(&name).await, Saved::Yes);
    }
    slow.until_text(&late, |text| text.len() == EDITS * 8 * 1024).await;
    let updates = slow.socket.passed_over().filter(|event| matches!(message(event, &name), Some(Message::Update(_))));
    let updates = updates.count();
    assert!(updates < EDITS, "{updates} updates for {EDITS} edits: nothing was merged");
    server.stop().await;
}

#[tokio::test]
async fn h10_what_was_typed_before_leaving_is_not_lost() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = HClient::connect(server.address).await;
    let replica = Replica::new(&name);
    // All at once, as a page that is opened, edited and left.
    client.token(&name, &ann.token).await;
    client.type_text(&replica, "typed and left").await;
    client.send(&name, Message::Close(None)).await;
    assert_eq!(client.closed(&name).await.as_deref(), Some("provider_initiated"));
    let again = client.open(&name, &ann.token).await;
    assert_eq!(again.text(), "typed and left");
    server.stop().await;
}
