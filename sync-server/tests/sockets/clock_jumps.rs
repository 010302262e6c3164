//! The machine's time of day is set while people work.

use chrono::TimeDelta;
use platform::access::ProjectRole;
use platform::limits::Limits;
use serde_json::json;
use web_protocol::close;

use crate::client::{Client, Event};
use crate::server::Server;

const HOUR: i64 = 3600;

#[tokio::test]
async fn an_hour_back_or_ahead_harms_no_edit_no_presence_and_no_token() {
    let limits = Limits { snapshot_every_updates: 3, heartbeat_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let ann_token = server.token_until(&ann.principal, TimeDelta::hours(4));
    let mut ann_client = Client::connect(server.address, Some(&ann_token)).await;
    ann_client.reply("welcome").await;
    ann_client.open(&name).await;
    let mut expected = String::new();
    for (round, set_by) in [HOUR, -2 * HOUR, HOUR, -HOUR, HOUR].into_iter().enumerate() {
        let made_before = server.token_until(&bob.principal, TimeDelta::hours(4));
        server.clock.set_by(set_by);
        for _ in 0..4 {
            ann_client.type_text(&format!("{round} ")).await;
            expected.insert_str(0, &format!("{round} "));
        }
        ann_client.until_saved().await;
        // When the clock was set back, a token that was made before is from the future.
        let made_after = server.token_until(&bob.principal, TimeDelta::hours(4));
        let token = if set_by < 0 { made_before } else { made_after };
        let mut late = Client::connect(server.address, Some(&token)).await;
        late.reply("welcome").await;
        late.open(&name).await;
        assert_eq!(late.text(), expected);
    }
    let closed = ann_client.socket.passed_over().any(|event| matches!(event, Event::Closed(_)));
    assert!(!closed);
    server.stop().await;
}

#[tokio::test]
async fn presence_lasts_as_long_as_time_passes_whatever_the_time_of_day_is() {
    let server = Server::start().await;
    let (mut ann, mut bob) =
        (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    ann.token = server.token_until(&ann.principal, TimeDelta::hours(9));
    let mut here = server.editor(&ann, &name).await;
    here.publish_own(&json!({ "cursor": 1 })).await;
    let whose = here.doc.client_id().get();
    for set_by in [HOUR, -3 * HOUR] {
        server.clock.set_by(set_by);
        here.type_text("x").await;
        here.until_saved().await;
        bob.token = server.token_until(&bob.principal, TimeDelta::hours(9));
        let seen = server.editor(&bob, &name).await.awareness().await;
        assert_eq!((seen[0].0, &seen[0].2["cursor"]), (whose, &json!(1)));
    }
    let mut witness = server.editor(&bob, &name).await;
    witness.awareness().await;
    server.clock.set_by(3 * HOUR);
    server.clock.put_forward(31);
    // It was not renewed for half a minute. Who comes while presence is told may be told twice.
    while witness.awareness().await != [(whose, 2, json!(null))] {}
    server.stop().await;
}

#[tokio::test]
async fn a_jump_beyond_a_tokens_end_asks_for_another() {
    let limits = Limits { heartbeat_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    client.type_text("kept").await;
    client.until_saved().await;
    server.clock.set_by(2 * HOUR);
    assert_eq!(client.socket.closed().await, close::AUTHORITY_ENDED);
    let again = server.token_until(&ann.principal, TimeDelta::hours(1));
    let mut client = Client::connect(server.address, Some(&again)).await;
    client.reply("welcome").await;
    client.open(&name).await;
    assert_eq!(client.text(), "kept");
    server.stop().await;
}
