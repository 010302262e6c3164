use std::collections::HashMap;

use platform::db::log::{self, AppendOutcome, AppendRefusal, NewUpdate, Provenance, Writer};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, RunId, Seq};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::support::{append, committed, update};

#[tokio::test]
async fn a_batch_of_many_documents_and_organizations_gets_places_in_its_order() {
    let test = TestDatabase::new().await;
    let (first, second) = (test.document().await, test.document().await);
    assert_ne!(first.org, second.org);
    let me = some_principal();
    let batch = [update(&first, me, "a"), update(&second, me, "b"), update(&first, me, "c"), update(&second, me, "d")];
    assert_eq!(append(&test.db, &batch).await.unwrap(), committed([1, 1, 2, 2]));
    assert_eq!(append(&test.db, &batch[..1]).await.unwrap(), committed([3]));

    let stored = log::load(&test.db, first.org, first.id).await.unwrap().unwrap();
    let contents: Vec<&[u8]> = stored.tail.iter().map(|update| &update.update[..]).collect();
    assert_eq!(contents, [b"a", b"c", b"a"]);
    assert_eq!(stored.head, Seq::new(3));
    assert_eq!(append(&test.db, &[]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_gapless_under_concurrent_appends_of_several_instances() {
    const WRITERS: usize = 8;
    const BATCHES: usize = 25;
    let test = TestDatabase::new().await;
    let documents = [test.document().await, test.document().await, test.document().await];
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let db = test.another_instance().await;
        writers.push(tokio::spawn(async move {
            let me = some_principal();
            let mut places = Vec::new();
            for number in 0..BATCHES {
                // Different orders, so that writers would wait for each other if rows were locked in the batch's.
                let mut batch: Vec<NewUpdate> = (0..6)
                    .map(|item| update(&documents[(item + writer) % 3], me, &format!("{writer} {number} {item}")))
                    .collect();
                if number % 2 == 0 {
                    batch.reverse();
                }
                for (update, outcome) in batch.iter().zip(append(&db, &batch).await.unwrap()) {
                    let AppendOutcome::Committed { seq } = outcome else { panic!("{outcome:?}") };
                    places.push(((update.document, seq), update.update.clone()));
                }
            }
            places
        }));
    }
    let mut promised = HashMap::new();
    for writer in writers {
        let places = writer.await.unwrap();
        // Of one writer and document, places ascend in the order in which it wrote.
        for document in &documents {
            let own: Vec<Seq> =
                places.iter().filter(|((id, _), _)| *id == document.id).map(|((_, seq), _)| *seq).collect();
            assert!(own.is_sorted());
        }
        promised.extend(places);
    }
    assert_eq!(promised.len(), WRITERS * BATCHES * 6, "no place was given twice");
    for document in &documents {
        // A load checks that there are no gaps and that the log ends at its head.
        let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
        assert_eq!(stored.tail.len(), WRITERS * BATCHES * 2);
        for update in stored.tail {
            assert_eq!(promised[&(document.id, update.seq)], update.update);
        }
    }
}

#[tokio::test]
async fn an_update_is_refused_alone_when_its_epoch_is_over_or_its_document_is_gone() {
    let test = TestDatabase::new().await;
    let (kept, replaced, deleted) = (test.document().await, test.document().await, test.document().await);
    test.sabotage(&format!("UPDATE documents SET epoch = 2 WHERE id = '{}'", replaced.id)).await;
    test.sabotage(&format!("UPDATE documents SET deleted_at = now() WHERE id = '{}'", deleted.id)).await;
    let me = some_principal();
    let mut of_new_epoch = update(&replaced, me, "new");
    of_new_epoch.epoch = Epoch::FIRST.next();
    let mut under_another_org = update(&kept, me, "x");
    under_another_org.org = replaced.org;
    let mut of_no_document = update(&kept, me, "x");
    of_no_document.document = Uuid::new_v4();
    let batch = [
        update(&replaced, me, "old"),
        update(&kept, me, "a"),
        update(&deleted, me, "x"),
        of_new_epoch,
        under_another_org,
        of_no_document,
        update(&kept, me, "b"),
    ];
    let gone = AppendOutcome::Refused(AppendRefusal::DocumentGone);
    let at = |seq| AppendOutcome::Committed { seq: Seq::new(seq) };
    let expected = [AppendOutcome::Refused(AppendRefusal::EpochChanged), at(1), gone, at(1), gone, gone, at(2)];
    assert_eq!(append(&test.db, &batch).await.unwrap(), expected);
    assert_eq!(append(&test.db, &batch[..1]).await.unwrap(), expected[..1], "a batch may be refused as a whole");
}

#[tokio::test]
async fn a_client_id_belongs_to_its_first_principal_for_ever() {
    let test = TestDatabase::new().await;
    let (document, other) = (test.document().await, test.document().await);
    let (me, you) = (some_principal(), some_principal());
    let claim = |document, principal, clients: &[u64]| {
        let mut update = update(document, principal, "x");
        update.new_clients = clients.to_vec();
        update
    };
    let taken = AppendOutcome::Refused(AppendRefusal::ClientTaken);
    let at = |seq| AppendOutcome::Committed { seq: Seq::new(seq) };

    let batch = [claim(&document, me, &[7]), claim(&document, you, &[8, 7]), claim(&other, you, &[7])];
    assert_eq!(append(&test.db, &batch).await.unwrap(), [at(1), taken, at(1)], "within a batch");
    let batch = [claim(&document, you, &[7]), claim(&document, you, &[8]), claim(&document, me, &[7, 9])];
    assert_eq!(append(&test.db, &batch).await.unwrap(), [taken, at(2), at(3)], "against what is stored");

    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    let mut owners = stored.client_owners;
    owners.sort_unstable();
    assert_eq!(owners, [(7, me), (8, you), (9, me)]);
}

#[tokio::test]
async fn every_update_is_logged_with_who_sent_it_and_whose_it_is() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let me = some_principal();
    let (run, event) = (RunId::new(Uuid::new_v4()), Uuid::new_v4());
    let mut by_agent = update(&document, me, "12345");
    by_agent.run = Some((run, Some(event)));
    by_agent.client_ids = vec![3, (1 << 53) - 1];
    let mut carried = update(&document, me, "");
    carried.provenance = Provenance::Carried;
    carried.client_ids = vec![];
    append(&test.db, &[by_agent.clone(), carried]).await.unwrap();

    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let rows = sqlx::query("SELECT * FROM document_updates ORDER BY seq").fetch_all(&mut connection).await.unwrap();
    assert_eq!(rows[0].get::<Uuid, _>("principal_id"), me.id);
    assert_eq!(rows[0].get::<i16, _>("principal_kind"), 1);
    assert_eq!(rows[0].get::<Option<Uuid>, _>("run_id"), Some(run.as_uuid()));
    assert_eq!(rows[0].get::<Option<Uuid>, _>("trace_event_id"), Some(event));
    assert_eq!(rows[0].get::<&str, _>("provenance"), "own");
    assert_eq!(rows[0].get::<i32, _>("size_bytes"), 5);
    assert_eq!(rows[0].get::<Vec<i64>, _>("client_ids"), [3, (1 << 53) - 1]);
    assert_eq!(rows[0].get::<Uuid, _>("org_id"), document.org.as_uuid());
    assert_eq!(rows[1].get::<&str, _>("provenance"), "carried");
    assert_eq!(rows[1].get::<Vec<u8>, _>("update"), b"");
    assert_eq!(rows[1].get::<Vec<i64>, _>("client_ids"), [0_i64; 0]);
    assert_eq!(rows[1].get::<Option<Uuid>, _>("run_id"), None);
}

#[tokio::test]
async fn a_database_that_refuses_connections_leaves_nothing_behind_and_is_temporary() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let batch = [update(&document, some_principal(), "a")];
    let closed = test.another_instance().await;
    closed.close().await;
    let id = Writer::new(Uuid::new_v4()).next_batch();
    let error = log::append(&closed, id, &batch).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert_eq!(log::append(&test.db, id, &batch).await.unwrap(), committed([1]));
}
