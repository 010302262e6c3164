use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use platform::db::documents::DocumentRef;
use platform::db::log::{self, EventSourcingLevel, SnapshotOutcome, Trimmed};
use platform::db::{DbError, organizations};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, Seq};
use sqlx::{Connection, PgConnection};

use crate::support::append_some;

const DENSE_DAYS: u64 = 30;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

/// A document of ten updates, committed one a day up to today, with snapshots after the second, fourth, sixth and eighth,
/// all but the last made on one day 100 days ago.
async fn document(test: &TestDatabase, level: EventSourcingLevel) -> DocumentRef {
    let document = test.document().await;
    organizations::set_level(&test.db, document.org, &platform::db::audit::Actor::SYSTEM, level).await.unwrap();
    append_some(&test.db, &document, some_principal(), 10).await;
    for seq in [2, 4, 6, 8] {
        let outcome = save(test, &document, Epoch::FIRST, seq).await.unwrap();
        assert_eq!(outcome, SnapshotOutcome::Saved);
    }
    let (id, now) = (document.id, now());
    test.sabotage(&format!(
        "UPDATE document_updates SET committed_at = '{now}'::timestamptz - interval '10 days' * (10 - seq)
         WHERE document_id = '{id}';
         UPDATE document_snapshots SET created_at = '{now}'::timestamptz - interval '100 days' + interval '1 hour' * seq
         WHERE document_id = '{id}' AND seq < 8;
         UPDATE document_snapshots SET created_at = '{now}'::timestamptz WHERE document_id = '{id}' AND seq = 8;"
    ))
    .await;
    document
}

async fn save(test: &TestDatabase, document: &DocumentRef, epoch: Epoch, seq: u64) -> Result<SnapshotOutcome, DbError> {
    let state = Bytes::from(format!("state {seq}"));
    log::save_snapshot(&test.db, document.org, document.id, epoch, Seq::new(seq), state).await
}

async fn trim(test: &TestDatabase, document: &DocumentRef) -> Trimmed {
    log::trim(&test.db, document.org, document.id, DENSE_DAYS, now()).await.unwrap()
}

/// The updates with content, and the snapshots, that are stored.
async fn stored(test: &TestDatabase, document: &DocumentRef) -> (Vec<i64>, Vec<i64>) {
    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let updates = "SELECT seq FROM document_updates WHERE document_id = $1 AND update IS NOT NULL ORDER BY seq";
    let updates = sqlx::query_scalar(updates).bind(document.id).fetch_all(&mut connection).await.unwrap();
    let snapshots = "SELECT seq FROM document_snapshots WHERE document_id = $1 ORDER BY seq";
    let snapshots = sqlx::query_scalar(snapshots).bind(document.id).fetch_all(&mut connection).await.unwrap();
    (updates, snapshots)
}

#[tokio::test]
async fn full_keeps_everything() {
    let test = TestDatabase::new().await;
    let document = document(&test, EventSourcingLevel::Full).await;
    assert_eq!(trim(&test, &document).await, Trimmed::default());
    assert_eq!(stored(&test, &document).await, ((1..=10).collect(), vec![2, 4, 6, 8]));
}

#[tokio::test]
async fn snapshot_keeps_the_dense_days_and_a_version_a_day_before_them() {
    let test = TestDatabase::new().await;
    let document = document(&test, EventSourcingLevel::Snapshot).await;
    let for_ever = log::trim(&test.db, document.org, document.id, u64::MAX, now()).await.unwrap();
    assert_eq!(for_ever, Trimmed::default());
    assert_eq!(trim(&test, &document).await, Trimmed { updates: 6, snapshots: 2 });
    // Update 7 is 30 days old, the rest older.
    assert_eq!(stored(&test, &document).await, (vec![7, 8, 9, 10], vec![6, 8]));
    assert_eq!(trim(&test, &document).await, Trimmed::default(), "a second time there is nothing left to do");
    let loaded = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!(loaded.tail.len(), 2);
}

#[tokio::test]
async fn of_snapshots_that_lie_close_together_on_a_day_the_newest_stays_and_what_a_version_stands_on() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    organizations::set_level(&test.db, document.org, &platform::db::audit::Actor::SYSTEM, EventSourcingLevel::Full)
        .await
        .unwrap();
    append_some(&test.db, &document, some_principal(), 10).await;
    for seq in [2, 4] {
        save(&test, &document, Epoch::FIRST, seq).await.unwrap();
    }
    assert_eq!(trim(&test, &document).await, Trimmed { updates: 0, snapshots: 1 });
    test.sabotage(&format!("UPDATE document_snapshots SET pinned = true WHERE document_id = '{}'", document.id)).await;
    for seq in [6, 8] {
        save(&test, &document, Epoch::FIRST, seq).await.unwrap();
        trim(&test, &document).await;
    }
    assert_eq!(stored(&test, &document).await, ((1..=10).collect(), vec![4, 8]));
    let yesterday = "UPDATE document_snapshots SET created_at = created_at - interval '1 day' WHERE document_id =";
    test.sabotage(&format!("{yesterday} '{}'", document.id)).await;
    save(&test, &document, Epoch::FIRST, 10).await.unwrap();
    assert_eq!(trim(&test, &document).await, Trimmed::default(), "the last of a day stays");
}

#[tokio::test]
async fn snapshot_lets_go_of_no_content_that_the_newest_snapshot_does_not_cover() {
    let test = TestDatabase::new().await;
    let document = document(&test, EventSourcingLevel::Snapshot).await;
    let after_all = now() + TimeDelta::days(400);
    log::trim(&test.db, document.org, document.id, DENSE_DAYS, after_all).await.unwrap();
    assert_eq!(stored(&test, &document).await, (vec![9, 10], vec![6, 8]));
    assert!(log::load(&test.db, document.org, document.id).await.unwrap().is_some());
}

#[tokio::test]
async fn audit_keeps_who_and_when_and_the_newest_state() {
    let test = TestDatabase::new().await;
    let document = document(&test, EventSourcingLevel::Audit).await;
    assert_eq!(trim(&test, &document).await, Trimmed { updates: 8, snapshots: 3 });
    assert_eq!(stored(&test, &document).await, (vec![9, 10], vec![8]));
    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM document_updates WHERE document_id = $1")
        .bind(document.id)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, 10);
    append_some(&test.db, &document, some_principal(), 1).await;
    let loaded = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!((loaded.head, loaded.tail.len()), (Seq::new(11), 3));
}

#[tokio::test]
async fn a_snapshot_is_stored_only_if_it_is_newer_and_of_the_documents_epoch() {
    let test = TestDatabase::new().await;
    let document = document(&test, EventSourcingLevel::Full).await;
    assert_eq!(save(&test, &document, Epoch::FIRST, 8).await.unwrap(), SnapshotOutcome::Superseded);
    assert_eq!(save(&test, &document, Epoch::FIRST, 3).await.unwrap(), SnapshotOutcome::Superseded);
    assert_eq!(save(&test, &document, Epoch::FIRST.next(), 9).await.unwrap(), SnapshotOutcome::Outdated);
    let beyond = save(&test, &document, Epoch::FIRST, 11).await;
    assert!(matches!(beyond, Err(DbError::Invalid(_))), "{beyond:?}");
    test.sabotage(&format!("UPDATE documents SET deleted_at = now() WHERE id = '{}'", document.id)).await;
    assert_eq!(save(&test, &document, Epoch::FIRST, 9).await.unwrap(), SnapshotOutcome::Saved, "in the trash, too");
    test.sabotage(&format!("DELETE FROM documents WHERE id = '{}'", document.id)).await;
    assert_eq!(save(&test, &document, Epoch::FIRST, 10).await.unwrap(), SnapshotOutcome::Outdated);
    assert_eq!(stored(&test, &document).await.1, [2, 4, 6, 8, 9]);
}
