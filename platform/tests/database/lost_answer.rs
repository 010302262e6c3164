//! Appends whose connection breaks at the worst moments.

use platform::db::log::{self, Writer, append};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::Seq;
use uuid::Uuid;

use crate::proxy::{Fault, Proxy};
use crate::support::{committed, update};

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_appended_once() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a"), update(&document, some_principal(), "b")];
    let id = Writer::new(Uuid::new_v4()).next_batch();
    proxy.set(Fault::LoseAnswer);
    let error = append(&proxy.db, id, &batch).await.unwrap_err();
    assert!(proxy.struck() && error.is_temporary(), "{error:?}");
    assert_eq!(append(&proxy.db, id, &batch).await.unwrap(), committed([1, 2]));
    assert_eq!(append(&proxy.db, id, &batch).await.unwrap(), committed([1, 2]), "however often it is asked");
    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!((stored.head, stored.tail.len()), (Seq::new(2), 2));
}

#[tokio::test]
async fn a_batch_that_never_arrived_is_appended_when_it_is_tried_again() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a")];
    let id = Writer::new(Uuid::new_v4()).next_batch();
    proxy.set(Fault::LoseRequest);
    let error = append(&proxy.db, id, &batch).await.unwrap_err();
    assert!(proxy.struck() && error.is_temporary(), "{error:?}");
    assert_eq!(log::head(&test.db, document.org, document.id).await.unwrap().unwrap().1, Seq::ZERO);
    assert_eq!(append(&proxy.db, id, &batch).await.unwrap(), committed([1]));
}

#[tokio::test]
async fn a_batch_that_arrives_after_its_writer_has_gone_on_is_not_appended_again() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let me = some_principal();
    let mut writer = Writer::new(Uuid::new_v4());
    let (first, second) = ([update(&document, me, "a")], [update(&document, me, "b")]);
    let id = writer.next_batch();
    proxy.set(Fault::DelayRequest);
    append(&proxy.db, id, &first).await.unwrap_err();
    assert_eq!(append(&proxy.db, id, &first).await.unwrap(), committed([1]));
    assert_eq!(append(&proxy.db, writer.next_batch(), &second).await.unwrap(), committed([2]));
    proxy.release().await;
    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!(stored.head, Seq::new(2));
}

#[tokio::test]
async fn a_try_that_is_still_under_way_is_waited_for() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let batch = vec![update(&document, some_principal(), "a")];
    let id = Writer::new(Uuid::new_v4()).next_batch();
    let (watcher, mut blocker) = blocker(&test).await;
    lock(&mut blocker, document.id).await;
    let tries: Vec<_> = [test.db.clone(), test.another_instance().await]
        .into_iter()
        .map(|db| {
            let batch = batch.clone();
            tokio::spawn(async move { append(&db, id, &batch).await })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&watcher).await.unwrap() < 2 {
        tokio::task::yield_now().await;
    }
    blocker.rollback().await.unwrap();
    for attempt in tries {
        assert_eq!(attempt.await.unwrap().unwrap(), committed([1]));
    }
    assert_eq!(log::head(&test.db, document.org, document.id).await.unwrap().unwrap().1, Seq::new(1));
}

#[tokio::test]
async fn a_backend_that_is_terminated_before_the_commit_leaves_nothing_behind() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    // A row lock makes the append wait in the middle; then its backend goes.
    let (watcher, mut blocker) = blocker(&test).await;
    lock(&mut blocker, document.id).await;
    let batch = vec![update(&document, some_principal(), "a")];
    let id = Writer::new(Uuid::new_v4()).next_batch();
    let (db, waiting) = (test.db.clone(), batch.clone());
    let attempt = tokio::spawn(async move { append(&db, id, &waiting).await });
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(terminate).fetch_one(&watcher).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let error = attempt.await.unwrap().unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    blocker.rollback().await.unwrap();
    assert_eq!(append(&test.db, id, &batch).await.unwrap(), committed([1]));
}

/// A transaction always sees the same state of other backends, so the one that watches them is outside of any.
async fn blocker(test: &TestDatabase) -> (sqlx::PgPool, sqlx::Transaction<'static, sqlx::Postgres>) {
    let pool = sqlx::PgPool::connect(&test.superuser_url()).await.unwrap();
    let blocker = pool.begin().await.unwrap();
    (pool, blocker)
}

async fn lock(blocker: &mut sqlx::Transaction<'static, sqlx::Postgres>, document: Uuid) {
    let lock = sqlx::query("SELECT FROM documents WHERE id = $1 FOR UPDATE").bind(document);
    lock.execute(&mut **blocker).await.unwrap();
}
