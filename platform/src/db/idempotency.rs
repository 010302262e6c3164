//! What people asked for with their idempotency keys. Not in the transaction that does it, but before: what became of a
//! request whose answer was lost is not known, and its key stays its own.

use chrono::{DateTime, TimeDelta, Utc};
use schema::ids::UserId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Db, DbError};

/// How long a key is one request's at least. How many a person uses meanwhile is limited by how many requests they may send.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(7);
/// The most old keys that are let go of when another one is used.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// To whom a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// To this request, which may have been sent before.
    This,
    /// To one that asked for something else.
    Another,
}

/// Uses a person's key to ask for something, and lets go of keys of theirs that were used too long ago. Of what is asked a
/// digest is kept.
pub async fn claim(db: &Db, user: UserId, key: Uuid, asked: &[u8], now: DateTime<Utc>) -> Result<Claim, DbError> {
    // Of the key as well, so that nobody can see who else asked for the same.
    let digest: [u8; 32] = Sha256::new().chain_update(key.as_bytes()).chain_update(asked).finalize().into();
    let mut tx = db.idempotency_keys(user).await?;
    sqlx::query!(
        "DELETE FROM idempotency_keys WHERE id IN (
             SELECT id FROM idempotency_keys WHERE user_id = $1 AND at < $2 ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        user.as_uuid(),
        now - KEPT_FOR,
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *tx)
    .await?;
    // Changes nothing of what is there: it is a way to read it, and to wait for whoever is about to add it.
    let first = sqlx::query_scalar!(
        "INSERT INTO idempotency_keys AS known (id, user_id, digest, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET digest = known.digest RETURNING known.digest",
        key,
        user.as_uuid(),
        digest.as_slice(),
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(if first == digest.as_slice() { Claim::This } else { Claim::Another })
}
