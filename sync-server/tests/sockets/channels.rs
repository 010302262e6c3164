//! Subscriptions (G5–G10), and how many there may be.

use platform::access::ProjectRole;
use platform::config::Mode;
use platform::limits::{Limit, Limits};
use serde_json::{Value, json};
use uuid::Uuid;
use web_protocol::frame::Body;

use crate::client::{Event, body};
use crate::server::Server;

#[tokio::test]
async fn g5_g8_subscribed_says_the_access_the_place_and_what_will_be_used() {
    let server = Server::start().await;
    let (ann, eve) = (server.person("Ann", ProjectRole::Member).await, server.person("Eve", ProjectRole::Viewer).await);
    let (_, name) = server.document().await;
    let mut writer = server.client(&ann).await;
    let subscribed = writer.open(&name).await;
    assert_eq!(subscribed["access"], "write");
    assert_eq!((&subscribed["sync"]["epoch"], &subscribed["sync"]["seq"]), (&json!(1), &json!(0)));
    assert_eq!(subscribed["sync"]["capabilities"], json!(["receipts", "notices"]));
    writer.type_text("one").await;
    writer.until_saved().await;

    let mut reader = server.client(&eve).await;
    let sync = json!({ "epoch": 1, "capabilities": ["telepathy", "receipts"] });
    reader.ask(json!({ "type": "subscribe", "payload": { "channel": name, "sync": sync } })).await;
    let subscribed = reader.reply("subscribed").await;
    assert_eq!(subscribed["payload"]["access"], "read");
    assert_eq!(subscribed["payload"]["sync"]["seq"], 1);
    assert_eq!(subscribed["payload"]["sync"]["capabilities"], json!(["receipts"]));

    let mut watcher = server.client(&eve).await;
    watcher.ask(json!({ "type": "subscribe", "payload": { "channel": name } })).await;
    let subscribed = watcher.reply("subscribed").await;
    assert_eq!(subscribed["payload"], json!({ "channel": name, "access": "read" }), "no sync was asked for");
    server.stop().await;
}

#[tokio::test]
async fn g8_without_receipts_there_are_none_and_without_notices_neither() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut plain = server.client(&ann).await;
    plain.ask(json!({ "type": "subscribe", "payload": { "channel": name, "sync": { "epoch": null } } })).await;
    let subscribed = plain.reply("subscribed").await;
    assert_eq!(subscribed["payload"]["sync"]["capabilities"], json!([]));
    plain.number = subscribed["payload"]["sync"]["number"].as_u64().unwrap();
    plain.handshake().await;
    let mut other = server.editor(&ann, &name).await;
    other.until_saved().await;
    server.database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    plain.type_text("one").await;
    other.until_text(|text| text == "one").await;
    other.reply("saving_behind").await;
    server.database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    other.reply("saving_resumed").await;
    other.type_text("two").await;
    plain.until_text(|text| text.contains("two")).await;
    let number = plain.number;
    let unasked = plain.socket.passed_over().find(|event| {
        matches!(body(event, number), Some(Body::Receipt { .. }))
            || matches!(event, Event::Text(text) if text["type"].as_str().unwrap().starts_with("saving"))
    });
    assert_eq!(unasked, None);
    server.stop().await;
}

#[tokio::test]
async fn g6_the_number_is_the_same_on_every_socket() {
    let server = Server::start().await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Admin).await);
    let (_, name) = server.document().await;
    let (_, other) = server.document().await;
    let mut first = server.editor(&ann, &name).await;
    let mut second = server.client(&bob).await;
    second.open(&other).await;
    let number_of_other = second.number;
    second.open(&name).await;
    assert_eq!(first.number, second.number);
    assert_ne!(second.number, number_of_other);
    first.type_text("shared").await;
    second.until_text(|text| text == "shared").await;
    server.stop().await;
}

#[tokio::test]
async fn g7_another_epoch_is_refused_with_the_current_one() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (document, name) = server.document().await;
    server.database.sabotage(&format!("UPDATE documents SET epoch = 3 WHERE id = '{}'", document.id)).await;
    let mut client = server.client(&ann).await;
    client.subscribe(&name, Some(1)).await;
    let error = client.error().await;
    assert_eq!((&error["code"], &error["epoch"]), (&json!("EPOCH_MISMATCH"), &json!(3)));
    assert_eq!((&error["channel"], &error["retry"]), (&json!(name), &json!(false)));
    let subscribed = client.open(&name).await;
    assert_eq!(subscribed["sync"]["epoch"], 3, "an empty replica may come in");
    client.type_text("anew").await;
    let receipts = client.until_saved().await;
    assert!(receipts.iter().all(|(_, epoch, _)| *epoch == 3), "{receipts:?}");
    server.stop().await;
}

#[tokio::test]
async fn g9_foreign_and_missing_documents_are_answered_alike() {
    let server = Server::start().await;
    let stranger = server.stranger("Sam").await;
    let (_, foreign) = server.document().await;
    let missing = format!("doc:{}", Uuid::new_v4());
    let mut client = server.client(&stranger).await;
    let foreign_project = format!("project:{}", server.project);
    let mut answers = Vec::new();
    for name in [&foreign, &missing, &foreign_project, &format!("project:{}", Uuid::new_v4())] {
        client.subscribe(name, None).await;
        let mut error = client.error().await;
        assert_eq!(error["channel"].take(), json!(name));
        answers.push(error);
    }
    assert_eq!(answers[0]["code"], "NOT_FOUND");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    // A document of another kind than its name says is not there.
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    client.subscribe(&foreign.replace("doc:", "node:"), None).await;
    assert_eq!(client.error().await["code"], "NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn g9_in_production_there_are_no_scratch_documents() {
    let server = Server::in_mode(Limits::default(), Mode::Production).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    client.subscribe("scratch:board", None).await;
    assert_eq!(client.error().await["code"], "NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn g10_unsubscribing_is_answered_and_ends_the_channel() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    client.subscribe(&name, None).await;
    assert_eq!(client.error().await["code"], "ALREADY_SUBSCRIBED");
    client.ask(json!({ "type": "unsubscribe", "payload": { "channel": name } })).await;
    assert_eq!(client.reply("unsubscribed").await["payload"], json!({ "channel": name }));
    client.type_text("too late").await;
    assert_eq!(client.error().await["code"], "UNKNOWN_CHANNEL");
    client.ask(json!({ "type": "unsubscribe", "payload": { "channel": name } })).await;
    assert_eq!(client.error().await["code"], "NOT_SUBSCRIBED");
    for invalid in ["doc:", "nothing", "doc:UPPER", "scratch:with space", "scratch:"] {
        client.subscribe(invalid, None).await;
        assert_eq!(client.error().await["code"], "INVALID_CHANNEL", "{invalid}");
    }
    // What was written meanwhile is offered in the next handshake.
    client.open(&name).await;
    client.until_saved().await;
    let mut newcomer = server.editor(&ann, &name).await;
    newcomer.until_text(|text| text == "too late").await;
    server.stop().await;
}

#[tokio::test]
async fn many_channels_on_one_socket_and_not_one_more() {
    const CHANNELS: usize = 40;
    let server = Server::with(Limits { channels_per_socket: CHANNELS, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    for channel in 0..CHANNELS {
        client.subscribe(&format!("scratch:board-{channel}"), None).await;
    }
    let mut numbers: Vec<(Value, u64)> = Vec::new();
    for _ in 0..CHANNELS {
        let subscribed = client.reply("subscribed").await["payload"].take();
        numbers.push((subscribed["channel"].clone(), subscribed["sync"]["number"].as_u64().unwrap()));
    }
    client.subscribe("scratch:one-more", None).await;
    assert_eq!(client.error().await["code"], "TOO_MANY_CHANNELS");
    assert_eq!(server.reached.get(Limit::ChannelsOfSocket), 1);

    // Each channel says its own.
    let mut other = server.client(&ann).await;
    for (channel, number) in &numbers {
        client.number = *number;
        let update = {
            let replica = crate::client::new_doc();
            let text = yrs::Doc::get_or_insert_text(&replica, "text");
            let mut txn = yrs::Transact::transact_mut(&replica);
            yrs::Text::insert(&text, &mut txn, 0, channel.as_str().unwrap());
            txn.encode_update_v1()
        };
        client.send(Body::Update(&update)).await;
        let (through, ..) = client.receipt().await;
        assert_eq!(through, 1, "frames are counted per channel");
    }
    let (channel, _) = &numbers[CHANNELS / 2];
    let channel = channel.as_str().unwrap();
    other.open(channel).await;
    assert_eq!(other.text(), channel);

    client.ask(json!({ "type": "unsubscribe", "payload": { "channel": channel } })).await;
    client.reply("unsubscribed").await;
    client.subscribe("scratch:one-more", None).await;
    client.reply("subscribed").await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_being_opened_counts_as_a_channel_even_after_it_was_left() {
    let server = Server::with(Limits { channels_per_socket: 4, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    // A node that is not there yet is waited for.
    for _ in 0..5 {
        let node = format!("node:{}", Uuid::new_v4());
        client.subscribe(&node, None).await;
        client.ask(json!({ "type": "unsubscribe", "payload": { "channel": node } })).await;
    }
    assert_eq!(client.error().await["code"], "TOO_MANY_CHANNELS");
    server.stop().await;
}
