//! Presence, by awareness and by JSON (P1–P5, G21, G22).

use std::time::Duration;

use platform::access::ProjectRole;
use platform::auth::{Principal, PrincipalKind};
use platform::limits::Limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::client::Client;
use crate::server::{Person, Server};

/// The smallest receive buffer that the system gives.
const SMALL: Option<u32> = Some(2048);

async fn two_people(server: &Server) -> (Person, Person) {
    (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await)
}

fn user(principal: &Principal) -> Value {
    let kind = if principal.kind == PrincipalKind::Agent { "agent" } else { "human" };
    json!({ "id": principal.id.to_string(), "name": principal.name, "kind": kind, "color": principal.color() })
}

/// What a new client of the person is told of everybody's awareness.
async fn seen_by_a_newcomer(server: &Server, person: &Person, document: &str) -> Vec<(u64, u64, Value)> {
    server.editor(person, document).await.awareness().await
}

#[tokio::test]
async fn p1_a_forged_user_is_replaced_and_the_rest_is_relayed_as_it_came() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut forger = server.editor(&ann, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    let cursor = json!({ "anchor": [1, 2.5, null], "head": { "deep": true } });
    forger.publish_own(&json!({ "user": { "name": "Bob", "id": bob.user.id.to_string() }, "cursor": cursor })).await;
    let seen = witness.awareness().await;
    let expected = json!({ "user": user(&ann.principal), "cursor": cursor });
    assert_eq!(seen, [(forger.doc.client_id().get(), 1, expected)]);
    // Without a user of its own, a state gets one.
    forger.publish_own(&json!({ "mood": "fine" })).await;
    assert_eq!(witness.awareness().await[0].2, json!({ "user": user(&ann.principal), "mood": "fine" }));
    // What is no JSON object is no state.
    let own = forger.doc.client_id().get();
    forger.publish(own, 10, "[1]").await;
    forger.publish(own, 11, "{ broken").await;
    forger.publish(own, 12, r#"{"last":1}"#).await;
    assert_eq!(witness.awareness().await[0].1, 12);
    server.stop().await;
}

#[tokio::test]
async fn p1_agents_are_called_agents() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let node = server.node().await;
    let run = server.database.run(server.org, server.project, node.into(), ann.user.id).await;
    let mut client = server.worker(run, 1, &ann).await;
    let name = format!("node:{node}");
    client.open(&name).await;
    let mut witness = server.editor(&ann, &name).await;
    client.publish_own(&json!({ "user": { "kind": "human" }, "activity": "thinking" })).await;
    let expected = user(&Principal::run(run, 1, ann.user.id, "Helper"));
    assert_eq!(expected["kind"], "agent");
    assert_eq!(witness.awareness().await[0].2, json!({ "user": expected, "activity": "thinking" }));
    server.stop().await;
}

#[tokio::test]
async fn p2_states_under_somebody_elses_client_id_are_ignored() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut owner = server.editor(&ann, &name).await;
    let mut thief = server.editor(&bob, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    owner.publish(7, 1, r#"{"mine":true}"#).await;
    assert_eq!(witness.awareness().await[0].0, 7);
    thief.awareness().await;
    thief.publish(7, 50, r#"{"stolen":true}"#).await;
    thief.publish(7, 51, "null").await;
    thief.publish(8, 1, r#"{"own":true}"#).await;
    let seen = witness.awareness().await;
    assert_eq!(seen.iter().map(|(client, ..)| *client).collect::<Vec<_>>(), [8]);
    let seen = seen_by_a_newcomer(&server, &ann, &name).await;
    assert_eq!(seen[0], (7, 1, json!({ "mine": true, "user": user(&ann.principal) })));

    // Another session of the same person takes over with a higher clock, as a reconnecting client does.
    let mut again = server.editor(&ann, &name).await;
    again.publish(7, 2, r#"{"taken":"over"}"#).await;
    assert_eq!(witness.awareness().await[0].2["taken"], "over");
    // The first one leaves, and the state stays.
    drop(owner);
    again.publish(9, 1, "{}").await;
    assert_eq!(witness.awareness().await.iter().map(|(client, ..)| *client).collect::<Vec<_>>(), [9]);
    server.stop().await;
}

#[tokio::test]
async fn p3_at_most_four_client_ids_and_eight_kibibytes_each() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    client.publish(1, 1, &format!(r#"{{"long":"{}"}}"#, "x".repeat(8 * 1024))).await;
    for id in 2..=7 {
        client.publish(id, 1, "{}").await;
    }
    let mut ids: Vec<u64> = Vec::new();
    while ids.len() < 4 {
        ids.extend(witness.awareness().await.iter().map(|(client, ..)| *client));
    }
    assert_eq!(ids, [2, 3, 4, 5]);
    // One that leaves makes room.
    client.publish(3, 2, "null").await;
    client.publish(7, 2, "{}").await;
    let mut changes = Vec::new();
    while changes.len() < 2 {
        changes.extend(witness.awareness().await);
    }
    assert_eq!((changes[0].0, &changes[0].2), (3, &Value::Null));
    assert_eq!(changes[1].0, 7);
    server.stop().await;
}

#[tokio::test]
async fn p4_changes_of_one_tick_are_one_message() {
    // A tick that outlasts the sending of all changes on the slowest machine.
    let server = Server::with(Limits { presence_tick_ms: 1500, ..Limits::default() }).await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut other = server.editor(&bob, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    for clock in 1..=30 {
        client.publish(1, clock, &json!({ "clock": clock }).to_string()).await;
        other.publish(2, clock, &json!({ "clock": clock }).to_string()).await;
    }
    let seen = witness.awareness().await;
    let last: Vec<_> = seen.iter().map(|(id, clock, state)| (*id, *clock, state["clock"].clone())).collect();
    assert_eq!(last, [(1, 30, json!(30)), (2, 30, json!(30))]);
    server.stop().await;
}

#[tokio::test]
async fn p5_states_go_with_their_session_and_an_echo_does_not_bring_them_back() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let mut echo = server.editor(&bob, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    client.publish(1, 5, r#"{"here":true}"#).await;
    let (_, clock, state) = witness.awareness().await.remove(0);
    echo.awareness().await;
    drop(client);
    assert_eq!(witness.awareness().await, [(1, 6, Value::Null)]);
    // A stock client sends back what it heard, and may do so late.
    echo.publish(2, 1, r#"{"my":"own"}"#).await;
    echo.publish(1, clock, &state.to_string()).await;
    echo.publish(1, clock + 1, &state.to_string()).await;
    echo.publish(3, 1, r#"{"fence":true}"#).await;
    let mut seen = Vec::new();
    while !seen.contains(&3) {
        seen.extend(witness.awareness().await.iter().map(|(client, ..)| *client));
    }
    assert!(!seen.contains(&1), "{seen:?}");
    server.stop().await;
}

#[tokio::test]
async fn p5_a_state_that_is_not_renewed_is_removed_and_one_that_is_stays() {
    let server = Server::with(Limits { presence_timeout_seconds: 2, ..Limits::default() }).await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut silent = server.editor(&ann, &name).await;
    let mut lively = server.editor(&ann, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    silent.publish(1, 1, "{}").await;
    lively.publish(2, 1, "{}").await;
    let renewing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // The same clock renews, as y-protocols does it with a higher one.
            lively.publish(2, 1, "{}").await;
        }
    };
    let removal = async {
        loop {
            for (client, _, state) in witness.awareness().await {
                assert!(client == 1 || !state.is_null(), "what was renewed was removed");
                if client == 1 && state.is_null() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = renewing => unreachable!("it goes on for ever"),
        () = removal => {}
    }
    let seen = seen_by_a_newcomer(&server, &ann, &name).await;
    assert_eq!(seen.iter().map(|(client, ..)| *client).collect::<Vec<_>>(), [2]);
    server.stop().await;
}

fn presence(node: Uuid, action: &str) -> Value {
    json!({ "type": "presence", "requestId": "p", "payload": { "nodeId": node.to_string(), "action": action } })
}

fn present(person: &Person, action: &str) -> Value {
    let Principal { id, name, .. } = &person.principal;
    json!({ "userId": id.to_string(), "name": name, "color": person.principal.color(), "kind": "human", "action": action })
}

#[tokio::test]
async fn g21_g22_presence_by_json_is_told_to_those_who_do_not_sync() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let node = server.node().await;
    let name = format!("node:{node}");
    let mut actor = server.client(&ann).await;
    actor.ask(presence(node, "viewing")).await;
    let error = actor.reply("error").await;
    assert_eq!((&error["payload"]["code"], &error["requestId"]), (&json!("NOT_SUBSCRIBED"), &json!("p")));

    actor.watch(&name).await;
    let mut witness = server.client(&bob).await;
    witness.watch(&name).await;
    let update = witness.reply("presence_update").await["payload"].take();
    assert_eq!(update, json!({ "channel": name, "nodeId": node.to_string(), "users": [] }), "at once");
    let mut replica = server.editor(&bob, &name).await;

    for action in ["viewing", "editing"] {
        actor.ask(presence(node, action)).await;
        let update = witness.reply("presence_update").await["payload"].take();
        assert_eq!(update["users"], json!([present(&ann, action)]));
        assert_eq!(replica.awareness().await[0].2, json!({ "action": action, "user": user(&ann.principal) }));
    }
    actor.ask(presence(node, "idle")).await;
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([]));
    assert_eq!(replica.awareness().await[0].2, Value::Null);
    actor.ask(presence(node, "dancing")).await;
    assert_eq!(actor.reply("error").await["payload"]["code"], "INVALID_MESSAGE");
    server.stop().await;
}

#[tokio::test]
async fn g22_one_entry_per_user_that_edits_when_one_of_its_states_does() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut first = server.editor(&ann, &name).await;
    let mut second = server.editor(&ann, &name).await;
    let mut witness = server.client(&bob).await;
    witness.watch(&name).await;
    let update = witness.reply("presence_update").await["payload"].take();
    assert_eq!(update, json!({ "channel": name, "users": [] }), "no nodeId where there is no node");
    first.publish_own(&json!({ "cursor": null })).await;
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([present(&ann, "viewing")]));
    second.publish_own(&json!({ "cursor": { "at": 1 } })).await;
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([present(&ann, "editing")]));
    drop(second);
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([present(&ann, "viewing")]));
    server.stop().await;
}

#[tokio::test]
async fn g22_a_moving_cursor_does_not_change_who_is_there() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut mover = server.editor(&ann, &name).await;
    let mut replica = server.editor(&bob, &name).await;
    let mut witness = server.client(&bob).await;
    witness.watch(&name).await;
    witness.reply("presence_update").await;
    for at in 0..5 {
        mover.publish_own(&json!({ "cursor": { "at": at } })).await;
        replica.awareness().await;
    }
    drop(mover);
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([present(&ann, "editing")]));
    assert_eq!(witness.reply("presence_update").await["payload"]["users"], json!([]), "nothing in between");
    server.stop().await;
}

/// The list of those who are here, next in what a watcher is told: the words for what somebody does, by name.
async fn told(watcher: &mut Client) -> Vec<(String, String)> {
    let users = watcher.reply("presence_update").await["payload"]["users"].take();
    let word = |user: &Value, member: &str| user[member].as_str().unwrap().to_owned();
    users.as_array().unwrap().iter().map(|user| (word(user, "name"), word(user, "action"))).collect()
}

#[tokio::test]
async fn g22_a_watcher_that_reads_slowly_is_told_less_and_knows_the_end() {
    const CHANGES: usize = 150;
    let limits = Limits {
        outbox_bytes: 20_000,
        presence_tick_ms: 1,
        presence_messages_per_second: 100_000,
        presence_messages_burst: 100_000,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let watching = server.person("Watcher", ProjectRole::Viewer).await;
    let name = format!("node:{}", server.node().await);
    // Long names, so that little is enough to fill what the system keeps for a connection.
    let mut crowd = Vec::new();
    for number in 0..8 {
        let person = server.person(&format!("{number}{}", "x".repeat(60)), ProjectRole::Member).await;
        let mut client = server.editor(&person, &name).await;
        client.publish_own(&json!({})).await;
        crowd.push(client);
    }
    let mut slow = Client::connect_with(server.address, Some(&watching.token), SMALL).await;
    slow.reply("welcome").await;
    slow.watch(&name).await;
    let mut attentive = server.client(&watching).await;
    attentive.watch(&name).await;
    while told(&mut attentive).await.len() < crowd.len() {}
    let actor = &mut crowd[0];
    for change in 0..CHANGES {
        let is_editing = change % 2 == 0;
        actor.publish_own(&if is_editing { json!({ "cursor": {} }) } else { json!({}) }).await;
        let word = if is_editing { "editing" } else { "viewing" };
        while !told(&mut attentive).await.iter().any(|(name, action)| name.starts_with('0') && action == word) {}
    }
    let own = actor.doc.client_id().get();
    actor.publish(own, 10_000, "null").await;
    while told(&mut attentive).await.len() == crowd.len() {}

    let mut lists = 0;
    loop {
        let here = told(&mut slow).await;
        lists += 1;
        if here.len() == crowd.len() - 1 && !here.iter().any(|(name, _)| name.starts_with('0')) {
            break;
        }
    }
    assert!(lists < CHANGES, "{lists} lists for {CHANGES} changes: nothing was withheld");
    server.stop().await;
}

#[tokio::test]
async fn json_that_is_nested_without_end_harms_nobody() {
    let server = Server::start().await;
    let (ann, bob) = two_people(&server).await;
    let (_, name) = server.document().await;
    let mut attacker = server.editor(&ann, &name).await;
    let mut witness = server.editor(&bob, &name).await;
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    // As a message of its own, within one, and as a state of awareness.
    for message in [deep(30_000), format!(r#"{{"type":"subscribe","payload":{}}}"#, deep(30_000))] {
        attacker.socket.send(Message::text(message)).await;
        assert_eq!(attacker.error().await["code"], "INVALID_MESSAGE");
    }
    let own = attacker.doc.client_id().get();
    attacker.publish(own, 1, &format!(r#"{{"deep":{}}}"#, deep(4_000))).await;
    attacker.publish(own, 2, r#"{"flat":1}"#).await;
    let seen = witness.awareness().await;
    assert_eq!((seen[0].1, &seen[0].2["flat"]), (2, &json!(1)), "{seen:?}");
    server.stop().await;
}
