//! What is left over: files whose bytes never came, and blobs whose file is gone.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use crate::db::{Db, DbError};

/// Blobs that are counted, at most: beyond, it does not matter how many wait.
const COUNTED_MAX: i64 = 100_000;

/// The blobs whose file is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbandonedBlobs {
    /// How many there are; of more than a hundred thousand, that.
    pub(crate) count: i64,
    /// Since when no file has the first of those that were counted.
    pub(crate) since: Option<DateTime<Utc>>,
}

/// A blob whose file is gone. Nobody else deletes it meanwhile, and no file gets it.
#[derive(Debug)]
pub(crate) struct Abandoned {
    tx: Transaction<'static, Postgres>,
    /// What it is called in the store.
    pub(crate) key: String,
    /// Since when no file has it.
    pub(crate) since: DateTime<Utc>,
}

impl Abandoned {
    /// Says that it is gone for good.
    pub(crate) async fn forget(mut self) -> Result<(), DbError> {
        sqlx::query!("DELETE FROM abandoned_blobs WHERE storage_key = $1", self.key).execute(&mut *self.tx).await?;
        Ok(self.tx.commit().await?)
    }
}

/// The next abandoned blob in the order of keys that nobody else is about to delete; from the start `after` an empty text.
pub(crate) async fn next_abandoned(db: &Db, after: &str) -> Result<Option<Abandoned>, DbError> {
    let mut tx = db.workers().await?;
    let row = sqlx::query!(
        "SELECT storage_key, since FROM abandoned_blobs a
         WHERE storage_key > $1 AND NOT EXISTS (SELECT FROM files f WHERE f.storage_key = a.storage_key)
         ORDER BY storage_key LIMIT 1 FOR UPDATE SKIP LOCKED",
        after
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.map(|row| Abandoned { tx, key: row.storage_key, since: row.since }))
}

/// How many blobs are there whose file is gone.
pub(crate) async fn abandoned(db: &Db) -> Result<AbandonedBlobs, DbError> {
    let mut tx = db.workers().await?;
    let abandoned = sqlx::query_as!(
        AbandonedBlobs,
        r#"SELECT count(*) AS "count!", min(since) AS since
           FROM (SELECT since FROM abandoned_blobs ORDER BY since LIMIT $1) oldest"#,
        COUNTED_MAX
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(abandoned)
}

/// Forgets some files that were announced before `before` and whose bytes nobody has confirmed, at most `most`. Returns how
/// many.
pub(crate) async fn forget_unconfirmed(db: &Db, before: DateTime<Utc>, most: i64) -> Result<u64, DbError> {
    let mut tx = db.workers().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM files WHERE id IN (
             SELECT id FROM files WHERE state = 'uploading' AND created_at < $1
             ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(forgotten)
}
