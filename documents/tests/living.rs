//! Living documents on a real Postgres: what a client is told, and what is there afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{Client, Instance, person, text_seen_by_a_newcomer};
use documents::delivery::{EndReason, Outgoing, Refusal};
use documents::room::UpdateKind;
use documents::{AttachError, EditFailed};
use platform::access::Access;
use platform::bus::Hub;
use platform::db::log;
use platform::limits::Limits;
use platform::testing::TestDatabase;
use schema::ids::{Epoch, Seq};
use yrs::{Text, Transact, WriteTxn};

#[tokio::test]
async fn edits_are_live_then_durable_and_survive_a_restart() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let (mut ann, mut bob) = (Client::new(1), Client::new(2));
    ann.attach(&instance, &document).await;
    bob.attach(&instance, &document).await;
    ann.type_text("hello").await;
    bob.until_text(|text| text == "hello").await;
    ann.until_saved().await;
    instance.stop().await;

    let restarted = Instance::new(database.another_instance().await);
    assert_eq!(text_seen_by_a_newcomer(&restarted, &document).await, "hello");
    restarted.stop().await;
}

#[tokio::test]
async fn a_document_is_loaded_once_however_many_ask() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = std::sync::Arc::new(Instance::new(database.db.clone()));
    let openings = (1..=50).map(|id| {
        let instance = std::sync::Arc::clone(&instance);
        tokio::spawn(async move {
            let mut client = Client::new(id);
            client.attach(&instance, &document).await;
            client
        })
    });
    let mut clients = Vec::new();
    for opening in openings.collect::<Vec<_>>() {
        clients.push(opening.await.unwrap());
    }
    assert_eq!(instance.documents.open_count(), 1);
    clients[0].type_text("to all").await;
    for client in &mut clients[1..] {
        client.until_text(|text| text == "to all").await;
    }
    drop(clients);
    instance.stop().await;
}

#[tokio::test]
async fn d2_a_quick_detach_and_attach_loses_no_edit() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { idle_room_seconds: 0, ..Limits::default() };
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits);
    let mut client = Client::new(1);
    for round in 0..30 {
        client.attach(&instance, &document).await;
        client.type_text("x").await;
        client.session = None;
        let mut newcomer = Client::new(1000 + round);
        newcomer.attach(&instance, &document).await;
        newcomer.until_text(|text| text.len() as u64 == round + 1).await;
    }
    instance.stop().await;
}

#[tokio::test]
async fn instances_bring_each_other_up_to_date_over_the_bus() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let hub = Hub::default();
    let here = Instance::with(database.db.clone(), &hub, Limits::default());
    let there = Instance::with(database.another_instance().await, &hub, Limits::default());
    let (mut ann, mut bob) = (Client::new(1), Client::new(2));
    ann.attach(&here, &document).await;
    bob.attach(&there, &document).await;
    for round in 1..=20 {
        ann.type_text("a").await;
        bob.type_text("b").await;
        ann.until_text(|text| text.len() == 2 * round).await;
        bob.until_text(|text| text.len() == 2 * round).await;
    }
    assert_eq!(ann.text(), bob.text());
    ann.until_saved().await;
    bob.until_saved().await;
    let head = log::head(&database.db, document.org, document.id).await.unwrap();
    assert_eq!(head, Some((Epoch::FIRST, Seq::new(40))), "every update has its place, and no two the same");
    ann.session.as_ref().unwrap().stateless("for everybody".into()).await.unwrap();
    let news = Outgoing::Stateless("for everybody".into());
    bob.inbox.until("a message of the application", |told| told.contains(&news)).await;
    assert!(!ann.inbox.all().contains(&news), "nobody hears themselves");
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn d8_an_outage_of_the_database_is_ridden_out() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let (mut ann, mut bob) = (Client::new(1), Client::new(2));
    ann.attach(&instance, &document).await;
    bob.attach(&instance, &document).await;
    ann.until_saved().await;

    database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    ann.type_text("kept").await;
    bob.until_text(|text| text == "kept").await;
    bob.inbox.until("a notice", |told| told.iter().any(|it| matches!(it, Outgoing::SavingBehind { .. }))).await;
    let receipts = |told: &[Outgoing]| told.iter().filter(|it| matches!(it, Outgoing::Receipt { .. })).count();
    assert_eq!(receipts(&ann.inbox.all()), 1, "nothing is confirmed that is not durable");

    database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    ann.until_saved().await;
    bob.inbox.until("the end of the outage", |told| told.contains(&Outgoing::SavingResumed)).await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "kept");
    instance.stop().await;
}

#[tokio::test]
async fn d8_past_the_bound_writes_are_refused_and_nothing_else_is_lost() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { unsaved_bytes_per_document: 400, ..Limits::default() };
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits);
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    ann.until_saved().await;
    database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    for _ in 0..40 {
        ann.type_text("0123456789").await;
    }
    ann.inbox
        .until("a refusal", |told| {
            told.iter().any(|it| matches!(it, Outgoing::Refused { refusal: Refusal::SavingBehind, .. }))
        })
        .await;
    database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    // Offered again, as a client does: everything is there in the end.
    ann.until_saved().await;
    ann.attach(&instance, &document).await;
    ann.until_saved().await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, ann.text());
    instance.stop().await;
}

#[tokio::test]
async fn d7_a_damaged_log_is_not_opened_and_not_overwritten() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    for _ in 0..3 {
        ann.type_text("x").await;
        ann.until_saved().await;
    }
    instance.stop().await;
    database.sabotage("DELETE FROM document_updates WHERE seq = 2").await;
    let restarted = Instance::new(database.another_instance().await);
    let refused = ann.attach_as(&restarted, &document, Access::Write).await;
    assert_eq!(refused, Err(AttachError::Unavailable));
    let edit = restarted.documents.edit(&document, person(1), None, Box::new(|_| Ok(()))).await;
    assert!(matches!(edit, Err(EditFailed::Unavailable)));
    restarted.stop().await;
}

#[tokio::test]
async fn d5_readers_and_d6_thieves_of_client_ids_are_refused() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    ann.type_text("mine").await;
    ann.until_saved().await;

    let refused = |told: &[Outgoing], expected: &Refusal| {
        told.iter().any(|it| matches!(it, Outgoing::Refused { refusal, .. } if refusal == expected))
    };
    let mut reader = Client::new(2);
    reader.attach_as(&instance, &document, Access::Read).await.unwrap();
    assert_eq!(reader.text(), "mine");
    reader.type_text("not allowed").await;
    reader.inbox.until("a refusal", |told| refused(told, &Refusal::ReadOnly)).await;

    let mut thief = Client::new(1);
    thief.principal = person(3);
    thief.attach(&instance, &document).await;
    thief.type_text("forged").await;
    thief.inbox.until("a refusal", |told| refused(told, &Refusal::ClientIdTaken(1))).await;

    let mut stranger = Client::new(4);
    stranger.attach(&instance, &document).await;
    stranger.send(UpdateKind::Live, vec![1, 2, 3].into()).await;
    stranger
        .inbox
        .until("a refusal", |told| {
            told.iter().any(|it| matches!(it, Outgoing::Refused { refusal: Refusal::Malformed(_), .. }))
        })
        .await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "mine");
    instance.stop().await;
}

#[tokio::test]
async fn d4_missing_predecessors_are_kept_and_asked_for() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    ann.until_saved().await;
    let first = ann.type_offline("one ");
    ann.type_text("two ").await;
    let steps = |told: &[Outgoing]| told.iter().filter(|it| matches!(it, Outgoing::Step1(_))).count();
    ann.inbox.until("a second step 1", |told| steps(told) == 2).await;
    ann.until_saved().await;
    ann.send(UpdateKind::Step2, first).await;
    ann.until_saved().await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "two one ");
    instance.stop().await;
}

#[tokio::test]
async fn a_slow_receiver_is_told_and_caught_up_with_what_it_missed() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let (mut ann, mut slow) = (Client::new(1), Client::new(2));
    ann.attach(&instance, &document).await;
    slow.attach(&instance, &document).await;
    slow.inbox.take_only(Some(2));
    for _ in 0..50 {
        ann.type_text("x").await;
    }
    ann.until_saved().await;
    slow.inbox.until("the notice", |told| told.contains(&Outgoing::Lagging)).await;
    slow.inbox.take_only(None);
    slow.session.as_ref().unwrap().drained();
    slow.inbox.until("the end of it", |told| told.contains(&Outgoing::CaughtUp)).await;
    slow.pull();
    assert_eq!(slow.text().len(), 50);
    ann.type_text("live again ").await;
    slow.until_text(|text| text.starts_with("live again ")).await;
    instance.stop().await;
}

#[tokio::test]
async fn a_long_log_is_compacted_and_says_the_same_afterwards() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { snapshot_every_updates: 20, ..Limits::default() };
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits);
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    for round in 0..100 {
        ann.type_text(&format!("{round} ")).await;
    }
    ann.until_saved().await;
    let compacted = async {
        loop {
            let stored = log::load(&database.db, document.org, document.id).await.unwrap().unwrap();
            if stored.snapshot.is_some() {
                return stored;
            }
            tokio::task::yield_now().await;
        }
    };
    let stored = tokio::time::timeout(Duration::from_secs(10), compacted).await.expect("a snapshot is written");
    assert_eq!(stored.head, Seq::new(100));
    assert!(stored.tail.len() < 100);
    instance.stop().await;
    let restarted = Instance::new(database.another_instance().await);
    assert_eq!(text_seen_by_a_newcomer(&restarted, &document).await, ann.text());
    restarted.stop().await;
}

#[tokio::test]
async fn edits_of_the_server_take_the_same_way_and_are_made_only_where_expected() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    let write = |text: &'static str| -> documents::replica::Patch {
        Box::new(move |txn| {
            let shared = txn.get_or_insert_text("text");
            shared.insert(txn, 0, text);
            Ok(())
        })
    };
    let first = instance.documents.edit(&document, person(9), None, write("by REST ")).await.unwrap();
    assert_eq!((first.epoch, first.seq), (Epoch::FIRST, Seq::new(1)));
    ann.until_text(|text| text == "by REST ").await;
    let late = instance.documents.edit(&document, person(9), Some((Epoch::FIRST, Seq::ZERO)), write("late ")).await;
    assert!(matches!(late, Err(EditFailed::Moved { seq, .. }) if seq == first.seq));
    let here = Some((first.epoch, first.seq));
    instance.documents.edit(&document, person(9), here, write("again ")).await.unwrap();
    ann.until_text(|text| text == "again by REST ").await;
    let nothing = instance.documents.edit(&document, person(9), None, Box::new(|_| Ok(()))).await.unwrap();
    assert_eq!(nothing.seq, Seq::new(2), "what changes nothing is not logged");
    instance.stop().await;
}

#[tokio::test]
async fn a_shutdown_flushes_the_log_and_tells_everybody() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    for _ in 0..20 {
        ann.type_text("x").await;
    }
    let report = instance.lifecycle.shutdown(Duration::from_secs(10)).await;
    assert!(report.is_clean(), "{report:?}");
    assert!(ann.inbox.all().contains(&Outgoing::Ended(EndReason::Shutdown)));
    let refused = ann.attach_as(&instance, &document, Access::Write).await;
    assert_eq!(refused, Err(AttachError::Unavailable), "nothing is opened any more");
    // What was not taken any more is offered again after the restart.
    let restarted = Instance::new(database.another_instance().await);
    ann.attach(&restarted, &document).await;
    ann.until_saved().await;
    assert_eq!(text_seen_by_a_newcomer(&restarted, &document).await.len(), 20);
    restarted.stop().await;
}

#[tokio::test]
async fn d5_a_document_that_is_full_takes_what_deletes_and_then_has_room_again() {
    let limits = Limits { document_bytes: 20_000, ..Limits::default() };
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits);
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    let refused = Outgoing::Refused { frame: 4, refusal: Refusal::DocumentTooLarge { limit: 20_000 } };
    for _ in 0..2 {
        ann.type_text(&"x".repeat(9_000)).await;
    }
    // Of another replica, since one that was refused something has a gap.
    let too_much = Client::new(77).type_offline(&"y".repeat(3_000));
    ann.send(UpdateKind::Live, too_much.clone()).await;
    ann.inbox.until("a refusal", |told| told.contains(&refused)).await;
    ann.type_text("a little is fine").await;
    ann.until_saved().await;

    let deleted = {
        let text = ann.doc.get_or_insert_text("text");
        let mut txn = ann.doc.transact_mut();
        text.remove_range(&mut txn, 0, 15_000);
        txn.encode_update_v1()
    };
    ann.send(UpdateKind::Live, deleted.into()).await;
    ann.send(UpdateKind::Live, too_much).await;
    ann.until_saved().await;
    let refusals = ann.inbox.all().into_iter().filter(|it| matches!(it, Outgoing::Refused { .. })).count();
    assert_eq!(refusals, 1);
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await.len(), 2 * 9_000 + 16 - 15_000 + 3_000);

    // The server's own edits keep to it, too.
    let grow = Box::new(|txn: &mut yrs::TransactionMut<'_>| {
        let text = txn.get_or_insert_text("text");
        text.insert(txn, 0, &"z".repeat(15_000));
        Ok(())
    });
    let edited = instance.documents.edit(&document, person(5), None, grow).await;
    assert!(matches!(edited, Err(EditFailed::TooLarge { limit: 20_000 })), "{edited:?}");
    instance.stop().await;
}

#[tokio::test]
async fn d5_many_small_edits_are_counted_as_what_they_take_up() {
    const EDITS: u32 = 800;
    let limits = Limits { document_bytes: 8_192, ..Limits::default() };
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::with(database.db.clone(), &Hub::default(), limits);
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    let mut sent = 0;
    for place in 0..EDITS {
        let update = {
            let text = ann.doc.get_or_insert_text("text");
            let mut txn = ann.doc.transact_mut();
            text.insert(&mut txn, place, "x");
            txn.encode_update_v1()
        };
        sent += update.len();
        ann.send(UpdateKind::Live, update.into()).await;
    }
    ann.until_saved().await;
    assert!(sent > 8_192, "as updates they are more than the document may have: {sent}");
    assert_eq!(ann.inbox.all().iter().filter(|it| matches!(it, Outgoing::Refused { .. })).count(), 0);
    instance.stop().await;
}

#[tokio::test]
async fn a_document_is_compacted_again_and_again_while_many_write_and_loses_nothing() {
    const WRITERS: u64 = 8;
    const WORDS: usize = 150;
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { snapshot_every_updates: 25, ..Limits::default() };
    let instance = Instance::with(database.another_instance().await, &Hub::default(), limits);
    let mut writers = Vec::new();
    for id in 1..=WRITERS {
        let mut writer = Client::new(id);
        writer.attach(&instance, &document).await;
        writers.push(tokio::spawn(async move {
            for word in 0..WORDS {
                writer.type_text(&format!("<{id} {word}>")).await;
                tokio::task::yield_now().await;
            }
            writer.until_saved().await;
            writer
        }));
    }
    let mut typed = Vec::new();
    for writer in writers {
        typed.push(writer.await.unwrap());
    }
    let whole = WRITERS * WORDS as u64;
    let compacted = async {
        while log::snapshot_place(&database.db, document.org, document.id).await.unwrap() < Some(Seq::new(whole / 2)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), compacted).await.expect("snapshots are written meanwhile");
    let has_all = |text: &str| (1..=WRITERS).all(|id| (0..WORDS).all(|word| text.contains(&format!("<{id} {word}>"))));
    for writer in &mut typed {
        writer.until_text(has_all).await;
    }
    instance.stop().await;

    let restarted = Instance::new(database.another_instance().await);
    let stored = text_seen_by_a_newcomer(&restarted, &document).await;
    assert!(has_all(&stored));
    assert_eq!(stored, typed[0].text());
    restarted.stop().await;
}
