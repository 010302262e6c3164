//! Large documents are built beside those who open them.

#![expect(clippy::unwrap_used, reason = "a test that finds something else fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use documents::Newcomer;
use documents::delivery::{EndReason, Outgoing, Sink};
use documents::room::{Mode, Receipts, UpdateKind};
use platform::access::Access;
use platform::bus::Hub;
use platform::db::documents::DocumentRef;
use platform::db::log;
use platform::limits::Limits;
use platform::testing::TestDatabase;
use schema::ids::Epoch;
use yrs::{Text, Transact};

use common::{Client, Inbox, Instance, person};

/// So many that building the document takes longer than a message to its owner.
const EDITS: u32 = 60_000;

fn limits() -> Limits {
    Limits { snapshot_every_updates: 1, ..Limits::default() }
}

/// Writes a document of many pieces, and closes it when all of it is in a snapshot.
async fn write_large(database: &TestDatabase, document: &DocumentRef) -> Client {
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits());
    let mut author = Client::new(1);
    author.attach(&instance, document).await;
    let text = author.doc.get_or_insert_text("text");
    let update = {
        let mut txn = author.doc.transact_mut();
        for number in 0..EDITS {
            // At the start, so that no two of them are one item.
            text.insert(&mut txn, 0, if number % 2 == 0 { "even " } else { "odd " });
        }
        txn.encode_update_v1()
    };
    author.send(UpdateKind::Live, update.into()).await;
    author.until_saved().await;
    author.session = None;
    let compacted = async {
        loop {
            let stored = log::load(&database.db, document.org, document.id).await.unwrap().unwrap();
            if stored.snapshot.is_some() && stored.tail.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), compacted).await.expect("a snapshot is written");
    instance.stop().await;
    author
}

fn place(told: &[Outgoing], is: fn(&Outgoing) -> bool) -> usize {
    told.iter().position(is).unwrap()
}

fn is_part(told: &Outgoing) -> bool {
    matches!(told, Outgoing::Part(_))
}

fn is_step_1(told: &Outgoing) -> bool {
    matches!(told, Outgoing::Step1(_))
}

fn is_step_2(told: &Outgoing) -> bool {
    matches!(told, Outgoing::Step2(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_with_nothing_is_served_from_the_snapshot_while_the_document_is_built() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let mut author = write_large(&database, &document).await;
    let instance = Instance::with(database.another_instance().await, &Hub::default(), limits());
    let mut newcomers: Vec<_> = (2..6).map(Client::new).collect();
    for newcomer in &mut newcomers {
        newcomer.attach(&instance, &document).await;
    }
    let answers: Vec<_> = newcomers.iter().map(|newcomer| newcomer.inbox.all()).collect();
    let first = &answers[0];
    let answered = place(first, is_step_2);
    assert!(answered < place(first, is_step_1), "the document is not built yet");
    let bodies: Vec<_> = answers
        .iter()
        .flatten()
        .filter_map(|it| match it {
            Outgoing::Step2(state) => Some(state.as_ptr()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies.len(), newcomers.len());
    assert!(bodies.iter().all(|body| *body == bodies[0]), "nobody has it encoded anew");
    author.attach(&instance, &document).await;
    author.type_text("goes on ").await;
    for newcomer in &mut newcomers {
        newcomer.until_text(|text| text.starts_with("goes on ")).await;
        assert!(newcomer.text() == author.text());
    }
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_logged_after_the_snapshot_follows() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let mut author = write_large(&database, &document).await;
    let instance = Instance::new(database.another_instance().await);
    author.attach(&instance, &document).await;
    author.type_text("and more ").await;
    author.until_saved().await;
    instance.stop().await;
    let instance = Instance::new(database.another_instance().await);
    let (mut newcomer, mut writer) = (Client::new(2), Client::new(3));
    newcomer.attach(&instance, &document).await;
    let told = newcomer.inbox.all();
    let answered = place(&told, is_step_2);
    assert!(place(&told, is_part) < answered);
    assert!(answered < place(&told, is_step_1), "the document is not built yet");
    assert!(newcomer.text() == author.text());
    // Somebody who types at once, and one who comes while that waits.
    writer.attach(&instance, &document).await;
    writer.type_text("at once ").await;
    newcomer.until_text(|text| text.starts_with("at once and more ")).await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_log_for_other_content_is_told_to_nobody() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let mut author = write_large(&database, &document).await;
    let instance = Instance::new(database.another_instance().await);
    author.attach(&instance, &document).await;
    let other = Client::new(9);
    let mut updates = ["first ", "second "].map(|word| {
        let text = other.doc.get_or_insert_text("text");
        let mut txn = other.doc.transact_mut();
        let end = text.len(&txn);
        text.insert(&mut txn, end, word);
        Bytes::from(txn.encode_update_v1())
    });
    let second = std::mem::take(&mut updates[1]);
    author.send(UpdateKind::Live, second.clone()).await;
    author.until_saved().await;
    instance.stop().await;
    let instance = Instance::new(database.another_instance().await);
    let mut newcomer = Client::new(2);
    newcomer.attach(&instance, &document).await;
    let told = newcomer.inbox.all();
    assert!(place(&told, is_part) < place(&told, is_step_1), "the snapshot is told before the document is built");
    assert!(place(&told, is_step_1) < place(&told, is_step_2), "the rest waits for the document");
    assert!(!told.contains(&Outgoing::Part(second.into())));
    assert!(newcomer.text() == author.text());
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_building_fails_those_who_wait_are_told() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    write_large(&database, &document).await;
    database.sabotage("UPDATE document_snapshots SET state = substr(state, 1, length(state) / 2)").await;
    let instance = Instance::new(database.another_instance().await);
    let inbox = Arc::new(Inbox::default());
    let newcomer = Newcomer {
        principal: person(2),
        access: Access::Write,
        mode: Mode::Sync { receipts: Receipts::Sent },
        replica_epoch: Some(Epoch::FIRST),
        sink: Arc::clone(&inbox) as Arc<dyn Sink>,
    };
    // It may fail before or after the newcomer is let in.
    if let Ok(session) = instance.documents.attach(&document, newcomer).await {
        let _ = session.step_1(vec![0].into()).await;
        inbox.until("the end", |told| told.contains(&Outgoing::Ended(EndReason::Unavailable))).await;
        let told = inbox.all();
        assert!(!told.iter().any(|it| matches!(it, Outgoing::Step2(_) | Outgoing::Part(_))), "half of it is told");
    }
    instance.stop().await;
}
