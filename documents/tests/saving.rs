//! What the log refuses, and when it takes nothing for a while.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Instance, text_seen_by_a_newcomer};
use documents::delivery::{EndReason, Outgoing, Refusal};
use platform::bus::Hub;
use platform::db::log;
use platform::limits::Limits;
use platform::testing::TestDatabase;

/// The database refuses updates with this word in them.
const POISON: &str = "ALTER TABLE document_updates
    ADD CONSTRAINT no_poison CHECK (position('poison'::bytea IN update) = 0) NOT VALID";

fn ended(told: &[Outgoing]) -> Option<EndReason> {
    told.iter().find_map(|it| if let Outgoing::Ended(reason) = it { Some(*reason) } else { None })
}

fn refusals(told: &[Outgoing]) -> Vec<Refusal> {
    let refusal = |it: &Outgoing| if let Outgoing::Refused { refusal, .. } = it { Some(refusal.clone()) } else { None };
    told.iter().filter_map(refusal).collect()
}

/// Many updates share a transaction, whatever the machine does meanwhile.
fn slow_lane() -> Limits {
    Limits { log_pause_ms: 300, log_hurry_updates: 10_000, ..Limits::default() }
}

#[tokio::test]
async fn d9_an_update_that_cannot_be_saved_ends_its_document_and_no_other() {
    const OTHERS: u64 = 12;
    let database = TestDatabase::new().await;
    let instance = Instance::with(database.db.clone(), &Hub::default(), slow_lane());
    let mut documents = Vec::new();
    let mut clients = Vec::new();
    for id in 1..=OTHERS + 1 {
        let document = database.document().await;
        let mut client = Client::new(id);
        client.attach(&instance, &document).await;
        documents.push(document);
        clients.push(client);
    }
    let poisoned = documents[5];
    let mut witness = Client::new(100);
    witness.attach(&instance, &poisoned).await;
    database.sabotage(POISON).await;
    // A commit first, so that all that follows shares the next.
    clients[0].type_text("first").await;
    clients[0].until_saved().await;
    for (number, client) in clients.iter_mut().enumerate() {
        client.type_text("one ").await;
        client.type_text(if number == 5 { "poison" } else { "harmless " }).await;
        client.type_text("three ").await;
    }
    for (number, client) in clients.iter_mut().enumerate() {
        if number == 5 {
            client.inbox.until("the end of the room", |told| ended(told).is_some()).await;
            assert_eq!(ended(&client.inbox.all()), Some(EndReason::Unsavable));
        } else {
            client.until_saved().await;
        }
    }
    witness.inbox.until("the end of the room", |told| ended(told) == Some(EndReason::Unsavable)).await;
    let stored = log::load(&database.db, poisoned.org, poisoned.id).await.unwrap().unwrap();
    assert_eq!(stored.head.get(), 1, "what came before it is durable, what came after it is not");

    // Others go on with the document, and who still has it is told so.
    let mut newcomer = Client::new(200);
    newcomer.attach(&instance, &poisoned).await;
    assert_eq!(newcomer.text(), "one ");
    let mut carrier = clients.swap_remove(5);
    carrier.attach(&instance, &poisoned).await;
    carrier.inbox.until("a refusal", |told| refusals(told) == [Refusal::Unsavable]).await;
    newcomer.type_text("on ").await;
    newcomer.until_saved().await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &poisoned).await, "on one ");
    assert_eq!(ended(&newcomer.inbox.all()), None, "the document is not ended again");
    let check = format!(
        "DO $$ BEGIN
           ASSERT (SELECT count(*) FROM document_quarantine WHERE document_id = '{}') = 1;
           ASSERT (SELECT count(*) FROM document_quarantine) = 1;
         END $$",
        poisoned.id
    );
    database.sabotage(&check).await;
    instance.stop().await;
}

#[tokio::test]
async fn d8_a_database_that_refuses_everything_blames_no_update() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::with(database.db.clone(), &Hub::default(), slow_lane());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    database.sabotage("ALTER TABLE document_updates RENAME TO elsewhere").await;
    for word in ["one ", "two ", "three "] {
        ann.type_text(word).await;
    }
    let is_behind = |told: &[Outgoing]| told.iter().any(|it| matches!(it, Outgoing::SavingBehind { .. }));
    ann.inbox.until("saving is behind", is_behind).await;
    database.sabotage("ALTER TABLE elsewhere RENAME TO document_updates").await;
    ann.until_saved().await;
    assert_eq!(ended(&ann.inbox.all()), None);
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "three two one ");
    instance.stop().await;
}

#[tokio::test]
async fn d8_a_refusal_that_is_over_at_once_blames_no_update() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::with(database.db.clone(), &Hub::default(), Limits::default());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    // A sequence counts what is rolled back, too.
    let refuse_once = "CREATE SEQUENCE tries;
         GRANT USAGE ON SEQUENCE tries TO PUBLIC;
         CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF nextval('tries') = 1 THEN RAISE EXCEPTION 'only now' USING ERRCODE = '42P01'; END IF;
             RETURN NEW; END $$;
         CREATE TRIGGER refuse_once BEFORE INSERT ON document_updates FOR EACH ROW EXECUTE FUNCTION refuse_once()";
    database.sabotage(refuse_once).await;
    ann.type_text("kept").await;
    ann.until_saved().await;
    assert_eq!((ended(&ann.inbox.all()), refusals(&ann.inbox.all())), (None, vec![]));
    database.sabotage("DO $$ BEGIN ASSERT (SELECT last_value FROM tries) = 2; END $$").await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "kept");
    instance.stop().await;
}

#[tokio::test]
async fn d8_a_database_in_trouble_keeps_edits_waiting_until_it_recovers() {
    // Disk full, out of memory, too many connections, shut down by an administrator, a read-only standby.
    for trouble in ["53100", "53200", "53300", "57P01", "25006"] {
        let database = TestDatabase::new().await;
        let document = database.document().await;
        let instance = Instance::with(database.db.clone(), &Hub::default(), Limits::default());
        let mut ann = Client::new(1);
        ann.attach(&instance, &document).await;
        let refuse = format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'in trouble' USING ERRCODE = '{trouble}'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON document_updates FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        );
        database.sabotage(&refuse).await;
        ann.type_text("kept").await;
        let is_behind = |told: &[Outgoing]| told.iter().any(|it| matches!(it, Outgoing::SavingBehind { .. }));
        ann.inbox.until("saving is behind", is_behind).await;
        assert!(!ann.inbox.all().iter().any(|it| matches!(it, Outgoing::Receipt { through: 2, .. })), "{trouble}");
        database.sabotage("DROP TRIGGER refuse ON document_updates").await;
        ann.until_saved().await;
        ann.inbox.until("saving again", |told| told.contains(&Outgoing::SavingResumed)).await;
        assert_eq!((ended(&ann.inbox.all()), refusals(&ann.inbox.all())), (None, vec![]), "{trouble}");
        instance.stop().await;
    }
}
