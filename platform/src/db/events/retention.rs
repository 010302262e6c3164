//! Letting go of old events.

use chrono::{DateTime, Utc};
use schema::ids::OrgId;
use uuid::Uuid;

use crate::db::{Db, DbError};

/// Organizations that are looked at in one go.
const ORGANIZATIONS_AT_ONCE: i64 = 500;
/// Events that are removed in one transaction.
const EVENTS_AT_ONCE: i64 = 5_000;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// So many events.
    pub events: u64,
}

/// Removes the events before a time, of all organizations, a bounded number in each transaction.
pub async fn remove_before(db: &Db, before: DateTime<Utc>) -> Result<Removed, DbError> {
    let mut removed = Removed::default();
    let mut after = Uuid::nil();
    loop {
        let orgs = organizations_with_older(db, before, after).await?;
        let Some(last) = orgs.last() else { return Ok(removed) };
        after = *last;
        for org in orgs {
            loop {
                let events = remove_some(db, OrgId::new(org), before).await?;
                removed.events += events;
                if events < EVENTS_AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
    }
}

async fn organizations_with_older(db: &Db, before: DateTime<Utc>, after: Uuid) -> Result<Vec<Uuid>, DbError> {
    let mut tx = db.maintenance().await?;
    let orgs = sqlx::query_scalar!(
        "SELECT org_id FROM event_heads WHERE oldest_at < $1 AND org_id > $2 ORDER BY org_id LIMIT $3",
        before,
        after,
        ORGANIZATIONS_AT_ONCE
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(orgs)
}

/// Removes the oldest events, and says from where on events are kept. Returns how many were removed.
async fn remove_some(db: &Db, org: OrgId, before: DateTime<Utc>) -> Result<u64, DbError> {
    let mut tx = db.org(org).await?;
    // Nothing is appended meanwhile, so that what is said below of the oldest holds.
    sqlx::query!("SELECT org_id FROM event_heads WHERE org_id = $1 FOR NO KEY UPDATE", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    let through = sqlx::query_scalar!(
        "SELECT max(id) FROM (SELECT id, at FROM events WHERE org_id = $1 ORDER BY id LIMIT $3) AS oldest WHERE at < $2",
        org.as_uuid(),
        before,
        EVENTS_AT_ONCE
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let removed =
        sqlx::query!("DELETE FROM events WHERE org_id = $1 AND id <= $2", org.as_uuid(), through.unwrap_or(0))
            .execute(&mut *tx.inner)
            .await?
            .rows_affected();
    sqlx::query!(
        "UPDATE event_heads SET trimmed_id = greatest(trimmed_id, $2),
             oldest_at = (SELECT at FROM events WHERE org_id = $1 ORDER BY id LIMIT 1)
         WHERE org_id = $1",
        org.as_uuid(),
        through.unwrap_or(0)
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await?;
    Ok(removed)
}
