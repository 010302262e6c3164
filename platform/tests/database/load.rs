use bytes::Bytes;
use chrono::Utc;
use platform::db::DbError;
use platform::db::log::{self, EventSourcingLevel, SnapshotOutcome, Standing};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, OrgId, Seq};
use uuid::Uuid;

use crate::support::append_some;

#[tokio::test]
async fn a_document_is_loaded_as_its_snapshot_and_all_after_it() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let empty = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!((empty.head, empty.epoch, empty.tail.len()), (Seq::ZERO, Epoch::FIRST, 0));
    assert_eq!((empty.snapshot, empty.project, empty.level), (None, document.project, EventSourcingLevel::Snapshot));

    append_some(&test.db, &document, some_principal(), 5).await;
    let state = Bytes::from_static(b"the first three");
    let outcome =
        log::save_snapshot(&test.db, document.org, document.id, Epoch::FIRST, Seq::new(3), state.clone()).await;
    assert_eq!(outcome.unwrap(), SnapshotOutcome::Saved);
    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, Some(log::StoredSnapshot { seq: Seq::new(3), state }));
    assert_eq!(stored.tail.iter().map(|update| update.seq.get()).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(&stored.tail[0].update[..], b"4");
    assert_eq!(stored.head, Seq::new(5));
}

#[tokio::test]
async fn what_is_not_there_is_not_loaded() {
    let test = TestDatabase::new().await;
    let (document, other) = (test.document().await, test.document().await);
    let load = |org: OrgId, id: Uuid| log::load(&test.db, org, id);
    assert!(load(document.org, Uuid::new_v4()).await.unwrap().is_none());
    assert!(load(other.org, document.id).await.unwrap().is_none(), "of another organization");
    test.sabotage(&format!("UPDATE documents SET deleted_at = now() WHERE id = '{}'", document.id)).await;
    assert!(load(document.org, document.id).await.unwrap().is_none(), "deleted");
    let kept = log::load_even_deleted(&test.db, document.org, document.id).await.unwrap();
    assert_eq!(kept.map(|stored| stored.id), Some(document.id));
    assert!(log::load_even_deleted(&test.db, other.org, document.id).await.unwrap().is_none());
    assert!(log::head(&test.db, document.org, document.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_damaged_document_is_refused_and_never_shorter() {
    let damages = [
        "DELETE FROM document_updates WHERE document_id = $ AND seq = 7",
        "DELETE FROM document_updates WHERE document_id = $ AND seq = 10",
        "DELETE FROM document_updates WHERE document_id = $ AND seq = 4",
        "UPDATE document_updates SET update = NULL WHERE document_id = $ AND seq = 5",
        "UPDATE document_updates SET epoch = 2 WHERE document_id = $ AND seq = 5",
        "UPDATE documents SET head_seq = 11 WHERE id = $",
        "UPDATE documents SET head_seq = 9 WHERE id = $",
        "UPDATE documents SET epoch = 2 WHERE id = $",
        "DELETE FROM document_snapshots WHERE document_id = $",
        "UPDATE document_snapshots SET epoch = 2 WHERE document_id = $",
    ];
    let test = TestDatabase::new().await;
    for damage in damages {
        let document = test.document().await;
        append_some(&test.db, &document, some_principal(), 10).await;
        let state = Bytes::from_static(b"s");
        log::save_snapshot(&test.db, document.org, document.id, Epoch::FIRST, Seq::new(3), state).await.unwrap();
        assert!(log::load(&test.db, document.org, document.id).await.is_ok());
        test.sabotage(&damage.replace('$', &format!("'{}'", document.id))).await;
        let loaded = log::load(&test.db, document.org, document.id).await;
        assert!(matches!(loaded, Err(DbError::Corrupt { .. })), "{damage}: {loaded:?}");
    }
}

#[tokio::test]
async fn a_tail_is_read_whole_or_said_to_be_trimmed() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    append_some(&test.db, &document, some_principal(), 6).await;
    let tail = |after| log::read_tail(&test.db, document.org, document.id, Seq::new(after));
    let seqs = |tail: Option<log::Tail>| {
        let tail = tail.unwrap();
        assert_eq!(tail.epoch, Epoch::FIRST);
        tail.updates.into_iter().map(|update| update.seq.get()).collect::<Vec<_>>()
    };
    assert_eq!(seqs(tail(0).await.unwrap()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(tail(4).await.unwrap()), [5, 6]);
    assert_eq!(seqs(tail(6).await.unwrap()), [0; 0]);
    assert_eq!(log::head(&test.db, document.org, document.id).await.unwrap(), Some((Epoch::FIRST, Seq::new(6))));
    assert_eq!(log::read_tail(&test.db, document.org, Uuid::new_v4(), Seq::ZERO).await.unwrap(), None);

    platform::db::organizations::set_level(
        &test.db,
        document.org,
        &platform::db::audit::Actor::SYSTEM,
        EventSourcingLevel::Audit,
    )
    .await
    .unwrap();
    let state = Bytes::from_static(b"s");
    log::save_snapshot(&test.db, document.org, document.id, Epoch::FIRST, Seq::new(4), state).await.unwrap();
    log::trim(&test.db, document.org, document.id, 30, Utc::now()).await.unwrap();
    assert!(matches!(tail(3).await, Err(DbError::Trimmed { .. })));
    assert_eq!(seqs(tail(4).await.unwrap()), [5, 6]);
}

#[tokio::test]
async fn sweeps_see_where_all_logs_stand() {
    let test = TestDatabase::new().await;
    let owner = test.user("ada").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let canvas = platform::db::documents::DocumentRef::canvas(org, project);
    let free = test.document().await;
    append_some(&test.db, &canvas, some_principal(), 2).await;
    append_some(&test.db, &free, some_principal(), 3).await;

    let found = log::standings(&test.db, &[canvas.id, free.id, Uuid::new_v4()]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&canvas.id], Standing { epoch: Epoch::FIRST, head: Seq::new(2), lock: None });
    assert_eq!(found[&free.id], Standing { epoch: Epoch::FIRST, head: Seq::new(3), lock: None });

    let behind = log::behind_projection(&test.db, Uuid::nil(), 10).await.unwrap();
    assert_eq!(behind, [(canvas, Seq::new(2))], "free documents have no projection");
    assert_eq!(log::behind_projection(&test.db, canvas.id, 10).await.unwrap(), []);
}
