use platform::db::log::{self, AppendError, Resolution, append};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::Seq;

use crate::proxy::{Fault, Proxy};
use crate::support::{committed, update};

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_to_have_taken_place() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a"), update(&document, some_principal(), "b")];
    proxy.set(Fault::LoseAnswer);
    assert_eq!(append(&proxy.db, &batch).await.unwrap(), committed([1, 2]));
    assert!(proxy.struck());
    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!(stored.head, Seq::new(2), "once, not twice");
}

#[tokio::test]
async fn a_commit_that_was_lost_is_found_not_to_have_taken_place_and_can_be_retried() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a")];
    proxy.set(Fault::LoseCommit);
    let error = append(&proxy.db, &batch).await.unwrap_err();
    assert!(matches!(&error, AppendError::NotCommitted(cause) if cause.is_temporary()), "{error:?}");
    assert!(proxy.struck());
    assert_eq!(log::head(&test.db, document.org, document.id).await.unwrap().unwrap().1, Seq::ZERO);
    assert_eq!(error.retry(&proxy.db, &batch).await.unwrap(), committed([1]));
}

#[tokio::test]
async fn a_commit_in_doubt_is_never_appended_again_before_it_is_known_how_it_ended() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a")];
    proxy.set(Fault::HoldCommit);
    let error = append(&proxy.db, &batch).await.unwrap_err();
    let AppendError::Ambiguous(in_doubt) = &error else { panic!("{error:?}") };
    assert_eq!(in_doubt.outcomes, committed([1]));
    let in_doubt = in_doubt.clone();
    assert_eq!(log::resolve(&test.db, &in_doubt).await.unwrap(), Resolution::InProgress);
    let error = error.retry(&proxy.db, &batch).await.unwrap_err();
    assert!(matches!(error, AppendError::Ambiguous(_)));

    proxy.release();
    let mut attempt = Err(error);
    while let Err(error) = attempt {
        tokio::task::yield_now().await;
        attempt = error.retry(&proxy.db, &batch).await;
    }
    assert_eq!(attempt.unwrap(), committed([1]));
    let stored = log::load(&test.db, document.org, document.id).await.unwrap().unwrap();
    assert_eq!(stored.tail.len(), 1);
    assert_eq!(log::resolve(&test.db, &in_doubt).await.unwrap(), Resolution::Aborted, "the first attempt was");
}

#[tokio::test]
async fn a_transaction_id_that_the_server_never_gave_out_proves_nothing() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let proxy = Proxy::new(&test).await;
    let batch = [update(&document, some_principal(), "a")];
    proxy.set(Fault::HoldCommit);
    let Err(AppendError::Ambiguous(mut in_doubt)) = append(&proxy.db, &batch).await else { panic!("it is in doubt") };
    // As after a failover to a standby that lagged: the id is in the future, or another transaction's.
    in_doubt.xid = 1 << 48;
    assert_eq!(log::resolve(&test.db, &in_doubt).await.unwrap(), Resolution::Aborted);
    proxy.release();
    let other = [update(&document, some_principal(), "a")];
    assert_eq!(append(&test.db, &other).await.unwrap(), committed([1]));
    assert_eq!(log::resolve(&test.db, &in_doubt).await.unwrap(), Resolution::Aborted, "that row is another's");
}

#[tokio::test]
async fn a_backend_that_is_terminated_before_the_commit_leaves_nothing_behind() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let me = some_principal();
    // A row lock makes the append wait in the middle; then its backend goes.
    let mut blocker =
        sqlx::postgres::PgPoolOptions::new().connect(&test.superuser_url()).await.unwrap().begin().await.unwrap();
    sqlx::query("SELECT FROM documents WHERE id = $1 FOR UPDATE")
        .bind(document.id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    let batch = vec![update(&document, me, "a")];
    let (db, waiting) = (test.db.clone(), batch.clone());
    let append = tokio::spawn(async move { append(&db, &waiting).await });
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(terminate).fetch_one(&mut *blocker).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let error = append.await.unwrap().unwrap_err();
    assert!(matches!(&error, AppendError::NotCommitted(cause) if cause.is_temporary()), "{error:?}");
    blocker.rollback().await.unwrap();
    assert_eq!(error.retry(&test.db, &batch).await.unwrap(), committed([1]));
}
