//! What runs may use of an organization's tokens: reserved before a call to a model, settled after it, so that runs that
//! call at the same time cannot use more together than there is.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::db::{DbError, OrgTx};

/// Tokens that a call under way may use. They count as used until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// How many.
    pub tokens: u64,
    /// Of which month: its first day.
    pub month: NaiveDate,
}

impl Reservation {
    /// So many tokens, of the month in which `now` is.
    #[must_use]
    pub fn new(tokens: u64, now: DateTime<Utc>) -> Self {
        let today = now.date_naive();
        Self { tokens, month: today.with_day(1).unwrap_or(today) }
    }
}

/// What a call has used of what was reserved for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What was reserved.
    pub reservation: Reservation,
    /// Tokens that were used; they may be more.
    pub tokens: u64,
}

/// Reserves tokens. Returns whether there were so many left of `limit`.
pub(super) async fn reserve(tx: &mut OrgTx, reservation: Reservation, limit: Option<u64>) -> Result<bool, DbError> {
    let tokens = count(reservation.tokens);
    // The row is made first, so that whoever comes at the same moment waits for it.
    sqlx::query!(
        "INSERT INTO agent_token_usage (org_id, month) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        tx.org().as_uuid(),
        reservation.month
    )
    .execute(&mut *tx.inner)
    .await?;
    let reserved = sqlx::query!(
        "UPDATE agent_token_usage SET reserved = reserved + $3
         WHERE org_id = $1 AND month = $2 AND ($4::bigint IS NULL OR used + reserved + $3 <= $4)",
        tx.org().as_uuid(),
        reservation.month,
        tokens,
        limit.map(count)
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    Ok(reserved > 0)
}

/// Gives back what was reserved, and counts what was used.
pub(super) async fn settle(tx: &mut OrgTx, usage: Usage) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE agent_token_usage SET reserved = greatest(reserved - $3, 0), used = used + $4
         WHERE org_id = $1 AND month = $2",
        tx.org().as_uuid(),
        usage.reservation.month,
        count(usage.reservation.tokens),
        count(usage.tokens)
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
