//! Several instances on one database, and what is between them: nothing, or a Redis that comes and goes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use common::{Client, Instance, present};
use documents::delivery::{AwarenessState, Outgoing, Refusal};
use documents::room::UpdateKind;
use platform::bus::{BusState, Hub, InstanceId};
use platform::clock::ManualClock;
use platform::db::documents::{self as document_rows, DocumentRef};
use platform::db::locks::{self, Taking, Waiting};
use platform::limits::Limits;
use platform::testing::{RedisServer, TestDatabase, principal_of};
use schema::ids::NodeId;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Nothing comes through the log within a test's patience: what comes has come over the bus.
const NEVER_MS: u64 = 3_600_000;

fn only_over_the_bus() -> Limits {
    Limits { head_check_ms: NEVER_MS, head_check_with_redis_ms: NEVER_MS, ..Limits::default() }
}

/// Instances on one Redis that works, and a client on each.
async fn three(
    database: &TestDatabase,
    document: &DocumentRef,
    redis: &RedisServer,
    limits: &Limits,
) -> (Vec<Instance>, Vec<Client>) {
    let (mut instances, mut clients) = (Vec::new(), Vec::new());
    for number in 1..=3 {
        let instance = Instance::with_redis(database.another_instance().await, redis, limits.clone());
        instance.until_bus_is(BusState::Up).await;
        let mut client = Client::new(number);
        client.attach(&instance, document).await;
        instances.push(instance);
        clients.push(client);
    }
    (instances, clients)
}

/// Everybody types, and sees what everybody typed.
async fn type_and_converge(clients: &mut [Client], round: &str) {
    const WORDS: usize = 20;
    for word in 0..WORDS {
        for client in clients.iter_mut() {
            client.type_text(&format!("<{round} {} {word}>", client.id)).await;
        }
    }
    let typed: Vec<String> = clients.iter().map(|client| format!("<{round} {} {}>", client.id, WORDS - 1)).collect();
    for client in clients.iter_mut() {
        client.until_text(|text| typed.iter().all(|typed| text.contains(typed))).await;
    }
    for client in clients.iter() {
        client.until_saved().await;
    }
    assert!(clients.iter().all(|client| client.text() == clients[0].text()), "{round}");
}

async fn stop(instances: Vec<Instance>) {
    for instance in instances {
        instance.stop().await;
    }
}

#[tokio::test]
async fn without_a_bus_edits_reach_other_instances_through_the_log() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { head_check_ms: 50, ..Limits::default() };
    // A hub each: they do not hear each other.
    let one = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
    let two = Instance::with(database.another_instance().await, &Hub::default(), limits);
    let (mut ann, mut bob) = (Client::new(11), Client::new(12));
    ann.attach(&one, &document).await;
    bob.attach(&two, &document).await;
    for round in 0..5 {
        ann.type_text(&format!("<ann {round}>")).await;
        bob.until_text(|text| text.contains(&format!("<ann {round}>"))).await;
        bob.type_text(&format!("<bob {round}>")).await;
        ann.until_text(|text| text.contains(&format!("<bob {round}>"))).await;
    }
    assert_eq!(ann.text(), bob.text());
    stop(vec![one, two]).await;
}

#[tokio::test]
async fn with_redis_gone_edits_still_flow_and_with_redis_back_they_are_fast_again() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let mut redis = RedisServer::start();
    let limits = Limits { head_check_ms: 100, head_check_with_redis_ms: NEVER_MS, ..Limits::default() };
    let (instances, mut clients) = three(&database, &document, &redis, &limits).await;
    type_and_converge(&mut clients, "with").await;
    redis.kill();
    type_and_converge(&mut clients, "without").await;
    for instance in &instances {
        instance.until_bus_is(BusState::Down).await;
    }
    type_and_converge(&mut clients, "still without").await;
    redis.restart();
    for instance in &instances {
        instance.until_bus_is(BusState::Up).await;
    }
    // From here on, nobody looks at the log by themselves.
    type_and_converge(&mut clients, "with again").await;
    stop(instances).await;
}

#[tokio::test]
async fn lost_messages_are_made_good_from_the_log() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let redis = RedisServer::start();
    let (instances, mut clients) = three(&database, &document, &redis, &only_over_the_bus()).await;
    for round in 0..5 {
        redis.cut_clients("pubsub");
        redis.cut_clients("normal");
        type_and_converge(&mut clients, &round.to_string()).await;
    }
    stop(instances).await;
}

#[tokio::test]
async fn updates_that_are_too_large_for_the_bus_are_read_from_the_log() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let redis = RedisServer::start();
    let (instances, mut clients) = three(&database, &document, &redis, &only_over_the_bus()).await;
    let large = "x".repeat(200_000);
    clients[0].type_text(&large).await;
    for client in &mut clients {
        client.until_text(|text| text.len() == large.len()).await;
    }
    type_and_converge(&mut clients, "afterwards").await;
    stop(instances).await;
}

#[tokio::test]
async fn everybody_sees_who_is_here_through_other_instances() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let redis = RedisServer::start();
    // Whatever disappears does not do so by running out.
    let limits = Limits { presence_timeout_seconds: 3600, ..only_over_the_bus() };
    let (instances, mut clients) = three(&database, &document, &redis, &limits).await;
    for client in &mut clients {
        client.point(7).await;
    }
    for client in &clients {
        client.until_sees(&[1, 2, 3]).await;
    }
    let seen = present(&clients[2].inbox.all());
    assert_eq!(&*seen[&1], &*present(&clients[0].inbox.all())[&1], "with the identity that the first server wrote");
    assert!(seen[&1].contains("Person 1"), "{seen:?}");

    clients[0].session = None;
    clients[1].until_sees(&[2, 3]).await;
    clients[2].until_sees(&[2, 3]).await;

    let leaving = instances.first().unwrap();
    clients[0].attach(leaving, &document).await;
    clients[0].point(8).await;
    clients[1].until_sees(&[1, 2, 3]).await;
    leaving.stop().await;
    clients[1].until_sees(&[2, 3]).await;
    clients[2].until_sees(&[2, 3]).await;
    stop(instances).await;
}

#[tokio::test]
async fn presence_survives_a_crash_of_redis_and_who_left_meanwhile_is_gone() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let mut redis = RedisServer::start();
    let limits = Limits { presence_timeout_seconds: 3600, ..only_over_the_bus() };
    let (instances, mut clients) = three(&database, &document, &redis, &limits).await;
    clients[0].point(1).await;
    clients[1].point(1).await;
    clients[2].until_sees(&[1, 2]).await;
    redis.kill();
    for instance in &instances {
        instance.until_bus_is(BusState::Down).await;
    }
    clients[0].session = None;
    clients[2].point(1).await;
    redis.restart();
    clients[1].until_sees(&[2, 3]).await;
    clients[2].until_sees(&[2, 3]).await;
    stop(instances).await;
}

#[tokio::test]
async fn an_instance_that_is_killed_takes_its_presence_with_it_and_what_it_saved_stays() {
    let database = Arc::new(TestDatabase::new().await);
    let document = database.document().await;
    let redis = RedisServer::start();
    let limits = Limits { presence_timeout_seconds: 2, ..only_over_the_bus() };
    let stays = Instance::with_redis(database.another_instance().await, &redis, limits.clone());
    stays.until_bus_is(BusState::Up).await;
    // A runtime of its own: it ends without a word, wherever its tasks stand.
    let runtime = Runtime::new().unwrap();
    let killed = runtime.spawn({
        let (database, url) = (Arc::clone(&database), redis.url());
        async move { Instance::with_redis_at(database.another_instance().await, &url, limits) }
    });
    let killed = killed.await.unwrap();
    killed.until_bus_is(BusState::Up).await;
    let (mut ann, mut bob) = (Client::new(1), Client::new(2));
    ann.attach(&killed, &document).await;
    bob.attach(&stays, &document).await;
    bob.point(1).await;
    ann.point(1).await;
    bob.until_sees(&[1, 2]).await;
    ann.type_text("saved").await;
    ann.until_saved().await;
    bob.until_text(|text| text == "saved").await;
    runtime.shutdown_background();
    bob.inbox.until("the end of Ann's presence", |told| !present(told).contains_key(&1)).await;
    bob.type_text("more ").await;
    bob.until_saved().await;

    // The one who was there comes back through another instance, and is here again.
    ann.attach(&stays, &document).await;
    ann.point(3).await;
    bob.inbox.until("Ann again", |told| present(told).contains_key(&1)).await;
    assert_eq!(ann.text(), "more saved");
    stays.stop().await;
}

#[tokio::test]
async fn d6_p2_a_client_id_belongs_to_who_is_here_under_it_through_another_instance() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let redis = RedisServer::start();
    let (instances, mut clients) = three(&database, &document, &redis, &only_over_the_bus()).await;
    clients[0].point(1).await;
    clients[1].until_sees(&[1]).await;

    // The second person takes the first one's Yjs client id, before that one has written anything.
    let state = Some(r#"{"cursor":666}"#.into());
    let session = clients[1].session.as_ref().unwrap();
    session.awareness(vec![AwarenessState { client: 1, clock: 100, state }]).await.unwrap();
    let forged = Client::new(1).type_offline("forged");
    clients[1].send(UpdateKind::Live, forged).await;
    let refused = |told: &[Outgoing]| {
        told.iter().any(|it| matches!(it, Outgoing::Refused { refusal: Refusal::ClientIdTaken(1), .. }))
    };
    clients[1].inbox.until("a refusal", refused).await;
    clients[1].point(2).await;
    clients[2].until_sees(&[1, 2]).await;
    assert!(present(&clients[2].inbox.all())[&1].contains("Person 1"));
    clients[0].type_text("mine").await;
    clients[2].until_text(|text| text == "mine").await;
    // Only so long that nobody waits for it.
    tokio::time::timeout(Duration::from_secs(10), stop(instances)).await.unwrap();
}

#[tokio::test]
async fn without_a_bus_a_lock_is_enforced_by_other_instances_too_and_ends_there() {
    let database = TestDatabase::new().await;
    let owner = database.user("ada").await;
    let org = database.org(owner.id).await;
    let project = database.project(org).await;
    database.sabotage(r#"UPDATE projects SET settings = '{"lockMode": "enforced"}'"#).await;
    let node = NodeId::new(Uuid::new_v4());
    let node = document_rows::ensure_node(&database.db, org, project, node).await.unwrap().unwrap();
    let limits = Limits { head_check_ms: 50, ..Limits::default() };
    let one = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
    let two = Instance::with(database.another_instance().await, &Hub::default(), limits);
    let ada = principal_of(&owner);
    let mut bob = Client::new(12);
    bob.attach(&two, &node).await;

    one.documents.take_lock(&node, &ada, Waiting::NotTold).await.unwrap();
    let is_refusal = |it: &Outgoing| matches!(it, Outgoing::Refused { refusal: Refusal::LockHeld { .. }, .. });
    let is_receipt = |it: &Outgoing| matches!(it, Outgoing::Receipt { .. });
    let receipts = |told: &[Outgoing]| told.iter().filter(|it| is_receipt(it)).count();
    let refused = async {
        while !bob.inbox.all().iter().any(is_refusal) {
            let before = receipts(&bob.inbox.all());
            bob.type_text("bob's").await;
            let answered = |told: &[Outgoing]| told.iter().any(is_refusal) || receipts(told) > before;
            bob.inbox.until("it to be saved or refused", answered).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the lock is enforced");

    let asked = |told: &[Outgoing]| told.iter().filter(|it| matches!(it, Outgoing::Step1(_))).count();
    let before = asked(&bob.inbox.all());
    one.documents.release_lock(&node, ada.reference()).await.unwrap();
    bob.inbox.until("to be asked for what was refused", |told| asked(told) > before).await;
    stop(vec![one, two]).await;
}

/// A node of a new project.
async fn new_node(database: &TestDatabase) -> DocumentRef {
    let owner = database.user(&Uuid::new_v4().to_string()).await;
    let org = database.org(owner.id).await;
    let project = database.project(org).await;
    let node = NodeId::new(Uuid::new_v4());
    document_rows::ensure_node(&database.db, org, project, node).await.unwrap().unwrap()
}

/// A question about the lock of a node.
fn of_lock(node: &DocumentRef, question: &str) -> String {
    format!("SELECT coalesce({question}, false) FROM node_locks WHERE node_id = '{}'", node.id)
}

/// Waits until a question to the database is answered with yes.
async fn until_so(database: &TestDatabase, question: &str) {
    let wait = async {
        while !database.is_so(question).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "waited in vain for {question}");
}

#[tokio::test]
async fn of_an_instance_that_is_killed_the_locks_end_of_those_who_do_not_come_back() {
    let database = Arc::new(TestDatabase::new().await);
    let (gone, back, never_here) = (new_node(&database).await, new_node(&database).await, new_node(&database).await);
    let limits = Limits { presence_timeout_seconds: 3, ..Limits::default() };
    let stays = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
    // A runtime of its own, on which all of its tasks run.
    let runtime = Runtime::new().unwrap();
    let on_killed = runtime.spawn({
        let database = Arc::clone(&database);
        async move {
            let killed = Instance::with(database.another_instance().await, &Hub::default(), limits);
            let (mut ann, mut bob, eve) = (Client::new(1), Client::new(2), Client::new(3));
            ann.attach(&killed, &gone).await;
            bob.attach(&killed, &back).await;
            for (client, node) in [(&ann, &gone), (&bob, &back), (&eve, &never_here)] {
                killed.documents.take_lock(node, &client.principal, Waiting::NotTold).await.unwrap();
            }
            (killed, ann, bob)
        }
    });
    let (_killed, _ann, mut bob) = on_killed.await.unwrap();
    until_so(&database, "SELECT count(*) = 2 FROM node_locks WHERE attended_until IS NOT NULL").await;
    runtime.shutdown_background();
    bob.attach(&stays, &back).await;

    let held = "holder_id IS NOT NULL";
    until_so(&database, &of_lock(&gone, "holder_id IS NULL")).await;
    // Nothing that the killed instance said holds for so long any more.
    until_so(&database, &of_lock(&back, "attended_until > now() + interval '3 seconds'")).await;
    assert!(database.is_so(&of_lock(&back, held)).await, "who came back through another instance keeps it");
    assert!(database.is_so(&of_lock(&never_here, held)).await, "who has it without a socket keeps it");
    stays.stop().await;
}

/// One person on two instances that do not hear each other and show no presence, who holds the lock of a node.
struct OnTwo {
    database: TestDatabase,
    instances: Vec<Instance>,
    node: DocumentRef,
    sessions: [Client; 2],
}

impl OnTwo {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let node = new_node(&database).await;
        let limits = Limits { head_check_ms: 50, ..Limits::default() };
        let mut sessions = [Client::new(1), Client::new(2)];
        sessions[1].principal = Arc::clone(&sessions[0].principal);
        let mut instances = Vec::new();
        for session in &mut sessions {
            let instance = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
            session.attach(&instance, &node).await;
            instances.push(instance);
        }
        instances[0].documents.take_lock(&node, &sessions[0].principal, Waiting::NotTold).await.unwrap();
        let on_two = Self { database, instances, node, sessions };
        on_two.until_here_on(2).await;
        on_two
    }

    /// Waits until so many instances say that the holder is here.
    async fn until_here_on(&self, instances: usize) {
        let said = format!("(SELECT count(*) = {instances} FROM jsonb_object_keys(attended_by))");
        until_so(&self.database, &of_lock(&self.node, &said)).await;
    }

    async fn is_held(&self) -> bool {
        self.database.is_so(&of_lock(&self.node, "holder_id IS NOT NULL")).await
    }

    async fn until_free(&self) {
        until_so(&self.database, &of_lock(&self.node, "holder_id IS NULL")).await;
    }
}

#[tokio::test]
async fn g26_without_a_bus_who_leaves_one_instance_keeps_the_lock_while_they_are_here_through_another() {
    let mut ada = OnTwo::new().await;
    ada.sessions[0].session = None;
    ada.until_here_on(1).await;
    assert!(ada.is_held().await);
    // Back through the first, and away from the second.
    ada.sessions[0].attach(&ada.instances[0], &ada.node).await;
    ada.until_here_on(2).await;
    ada.sessions[1].session = None;
    ada.until_here_on(1).await;
    assert!(ada.is_held().await);
    ada.sessions[0].session = None;
    ada.until_free().await;
    stop(ada.instances).await;
}

#[tokio::test]
async fn g26_without_a_bus_the_lock_of_who_leaves_both_instances_at_once_ends() {
    let mut ada = OnTwo::new().await;
    for session in &mut ada.sessions {
        session.session = None;
    }
    ada.until_free().await;
    stop(ada.instances).await;
}

#[tokio::test]
async fn after_a_start_holders_of_locks_get_time_to_come_back() {
    let database = TestDatabase::new().await;
    let (gone, expired) = (new_node(&database).await, new_node(&database).await);
    let ada = Client::new(1).principal;
    for node in [&gone, &expired] {
        let taken = locks::take(&database.db, node, &ada, 300, Waiting::NotTold).await.unwrap();
        assert!(matches!(taken, Taking::Taken(_)));
    }
    let said_by = InstanceId::new(Uuid::new_v4());
    locks::attend(&database.db, &gone, ada.reference(), said_by, Duration::ZERO).await.unwrap();
    database.sabotage(&format!("UPDATE node_locks SET expires_at = now() WHERE node_id = '{}'", expired.id)).await;

    let clock = Arc::new(ManualClock::new(Utc::now()));
    let instance = Instance::at(database.another_instance().await, Arc::clone(&clock) as _);
    until_so(&database, &of_lock(&expired, "holder_id IS NULL")).await;
    assert!(database.is_so(&of_lock(&gone, "holder_id IS NOT NULL")).await, "nobody could say yet that they are here");
    clock.advance(Duration::from_secs(2 * Limits::default().presence_timeout_seconds));
    until_so(&database, &of_lock(&gone, "holder_id IS NULL")).await;
    instance.stop().await;
}
