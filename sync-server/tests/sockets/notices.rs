//! Slow receivers, outages of the database and restarts (G17, G18, G20).

use platform::access::ProjectRole;
use platform::limits::Limits;
use serde_json::json;
use web_protocol::close;
use web_protocol::frame::Body;
use yrs::{ReadTxn, StateVector, Transact};

use crate::client::{Client, Event, body};
use crate::server::Server;

/// The smallest receive buffer that the system gives.
const SMALL: Option<u32> = Some(2048);
const EDITS: usize = 200;
const EDIT_BYTES: usize = 8 * 1024;

/// A client that stops reading, and what the document holds when it starts again.
async fn behind(server: &Server) -> (Client, String) {
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let mut slow = Client::connect_with(server.address, Some(&bob.token), SMALL).await;
    slow.reply("welcome").await;
    slow.open(&name).await;
    let mut busy = server.editor(&ann, &name).await;
    for _ in 0..EDITS {
        busy.type_text(&"x".repeat(EDIT_BYTES)).await;
    }
    busy.until_saved().await;
    (slow, busy.text())
}

#[tokio::test]
async fn g17_a_client_that_reads_slowly_is_told_loses_nothing_and_stays() {
    let server = Server::with(Limits { outbox_bytes: 20_000, ..Limits::default() }).await;
    let (mut slow, everything) = behind(&server).await;
    // It can still write; that is read when it reads itself.
    slow.until_text(|text| text.len() == everything.len()).await;
    assert_eq!(slow.reply("lagging").await["payload"]["channel"], slow.reply("caught_up").await["payload"]["channel"]);
    slow.type_text("here I am ").await;
    slow.until_saved().await;
    assert!(slow.text().ends_with(&everything));
    server.stop().await;
}

#[tokio::test]
async fn g17_what_was_withheld_comes_merged_before_the_notice_that_says_so() {
    let server = Server::with(Limits { outbox_bytes: 20_000, ..Limits::default() }).await;
    let (mut slow, everything) = behind(&server).await;
    slow.reply("lagging").await;
    slow.reply("caught_up").await;
    let updates = slow.updates_passed_over();
    assert!(updates < EDITS, "{updates} updates for {EDITS} edits: nothing was merged");
    // All that was passed over came before the notice.
    slow.until_text(|text| text.len() == everything.len()).await;
    assert_eq!(slow.text(), everything);
    server.stop().await;
}

#[tokio::test]
async fn g17_a_client_that_was_not_read_from_for_long_is_pinged_before_it_is_closed() {
    let server = Server::with(Limits { outbox_bytes: 20_000, heartbeat_seconds: 1, ..Limits::default() }).await;
    let (mut slow, everything) = behind(&server).await;
    // While the server waits for it to read, several heartbeats pass.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    slow.until_text(|text| text.len() == everything.len()).await;
    slow.socket.find("a ping", |event| (*event == Event::Ping).then_some(())).await;
    slow.type_text("awake ").await;
    slow.until_saved().await;
    server.stop().await;
}

#[tokio::test]
async fn g18_an_outage_of_the_log_is_announced_and_receipts_wait() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&ann, &name).await;
    client.until_saved().await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    client.type_text("kept").await;
    witness.until_text(|text| text == "kept").await;
    for told in [&mut client, &mut witness] {
        let notice = told.reply("saving_behind").await["payload"].take();
        assert_eq!(notice, json!({ "channel": name, "pending": 1 }));
    }
    // Who comes now is told too.
    let mut newcomer = server.editor(&ann, &name).await;
    assert_eq!(newcomer.text(), "kept");
    newcomer.reply("saving_behind").await;
    let number = client.number;
    let early = client.socket.passed_over().any(|event| matches!(body(event, number), Some(Body::Receipt { .. })));
    assert!(!early, "nothing is confirmed that is not durable");

    server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    assert_eq!(client.until_saved().await, [(2, 1, 1)]);
    for told in [&mut client, &mut witness, &mut newcomer] {
        assert_eq!(told.reply("saving_resumed").await["payload"], json!({ "channel": name }));
    }
    server.stop().await;
}

#[tokio::test]
async fn d8_past_the_limit_updates_are_refused_and_may_be_sent_again() {
    const KEYSTROKES: u64 = 40;
    let server = Server::with(Limits { unsaved_bytes_per_document: 400, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    client.until_saved().await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    for _ in 0..KEYSTROKES {
        client.append("0123").await;
    }
    let refused = client.reply("refused").await["payload"].take();
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("SAVING_BEHIND"), &json!(true)));
    let first = refused["update"].as_u64().unwrap();
    assert!((10..=KEYSTROKES).contains(&first), "{first}");
    server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    client.until_saved().await;
    // The last step 1 is answered once more (G15); merged, the keystrokes are small.
    let everything = client.doc.transact().encode_state_as_update_v1(&StateVector::default());
    client.send(Body::Step2(&everything)).await;
    client.until_saved().await;
    let newcomer = server.editor(&ann, &name).await;
    assert_eq!(newcomer.text(), client.text());
    server.stop().await;
}

#[tokio::test]
async fn g20_a_restart_is_announced_saves_everything_and_closes_with_1012() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut idle = server.client(&ann).await;
    let mut watcher = server.client(&ann).await;
    watcher.watch(&name).await;
    let mut stock = server.stock_client(&ann, &name).await;
    client.until_saved().await;
    // The log cannot be written when the restart begins.
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    client.type_text("last words").await;
    client.reply("saving_behind").await;
    let stopping = async {
        let report = server.stop().await;
        assert!(report.is_clean(), "{report}");
    };
    let going = async {
        assert!(client.reply("restarting").await["payload"]["reconnectAfterMs"].is_u64());
        assert_eq!(idle.socket.closed().await, close::RESTART, "nothing is open there that must be waited for");
        server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
        assert_eq!(client.until_saved().await, [(2, 1, 1)], "the last receipt comes before the end");
        assert_eq!(client.socket.closed().await, close::RESTART);
        watcher.reply("restarting").await;
        assert_eq!(watcher.socket.closed().await, close::RESTART);
        assert_eq!(stock.socket.closed().await, close::RESTART);
    };
    tokio::join!(stopping, going);
}

#[tokio::test]
async fn g20_a_socket_that_leaves_its_last_channel_during_a_restart_is_not_waited_for() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut other = server.editor(&ann, &name).await;
    client.until_saved().await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    client.type_text("unsaved").await;
    client.reply("saving_behind").await;
    let stopping = server.stop();
    let going = async {
        other.reply("restarting").await;
        other.ask(json!({ "type": "unsubscribe", "payload": { "channel": name } })).await;
        other.reply("unsubscribed").await;
        let left = std::time::Instant::now();
        assert_eq!(other.socket.closed().await, close::RESTART);
        assert!(left.elapsed().as_secs() < 5, "it waited for the end of the grace");
        server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
        assert_eq!(client.socket.closed().await, close::RESTART);
    };
    tokio::join!(stopping, going);
}
