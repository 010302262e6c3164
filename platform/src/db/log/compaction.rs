//! Keeping a log short: snapshots, and letting go of what the organization does not keep.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use schema::ids::{Epoch, OrgId, Seq};
use uuid::Uuid;

use super::{EventSourcingLevel, epoch_from_column, epoch_to_column, seq_from_column, seq_to_column};
use crate::db::{Db, DbError, OrgTx};

/// Updates between two snapshots that are gone through quickly: it takes some ten milliseconds,
const NEAR_UPDATES: i64 = 10_000;
/// and so do as many bytes.
const NEAR_BYTES: i64 = 8 << 20;
/// The most updates that one call of [`trim`] lets go of, so that it never holds a document's row for long.
const TRIM_UPDATES_MAX: i64 = 20_000;
/// A century is for ever, and within what dates can say.
const DENSE_DAYS_MAX: i64 = 36_525;

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotOutcome {
    /// It is durable, and the newest of its document.
    Saved,
    /// A snapshot at least as new was there already.
    Superseded,
    /// The document's history was replaced, or it was erased: the state must not be stored.
    Outdated,
}

/// What [`trim`] let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Updates whose content is gone; who and when stays.
    pub updates: u64,
    /// Snapshots that are gone.
    pub snapshots: u64,
}

/// Stores a document's whole state as of `seq`, which has to be in the log. When this returns, it is committed; call
/// [`trim`] then. What is in the trash is kept short, too.
pub async fn save_snapshot(
    db: &Db,
    org: OrgId,
    id: Uuid,
    epoch: Epoch,
    seq: Seq,
    state: Bytes,
) -> Result<SnapshotOutcome, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT epoch, head_seq, snapshot_seq FROM documents WHERE id = $1 AND org_id = $2 FOR NO KEY UPDATE",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row.filter(|row| epoch_from_column(row.epoch) == epoch) else {
        return Ok(SnapshotOutcome::Outdated);
    };
    if seq > seq_from_column(row.head_seq) {
        return Err(DbError::Invalid(format!("a snapshot at {seq} is beyond the head {} of its log", row.head_seq)));
    }
    if seq <= seq_from_column(row.snapshot_seq) {
        return Ok(SnapshotOutcome::Superseded);
    }
    let size_bytes = i32::try_from(state.len())
        .map_err(|_| DbError::Invalid(format!("a snapshot of {} bytes is too large", state.len())))?;
    // A version with a name may have a snapshot of its own at this place.
    sqlx::query!(
        "WITH saved AS (
             INSERT INTO document_snapshots (document_id, seq, epoch, org_id, state, size_bytes, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, now())
             ON CONFLICT (document_id, seq) DO UPDATE SET state = excluded.state, size_bytes = excluded.size_bytes
         )
         UPDATE documents SET snapshot_seq = $2 WHERE id = $1",
        id,
        seq_to_column(seq),
        epoch_to_column(epoch),
        org.as_uuid(),
        &*state,
        size_bytes
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await?;
    Ok(SnapshotOutcome::Saved)
}

/// Lets go of what the newest committed snapshot covers and the organization does not keep:
///
/// - `full`: of no update;
/// - `snapshot`: of the content of updates older than `dense_days`, and of all but the last snapshot of each day before,
///   unless a version stands on it;
/// - `audit`: of the content of all updates that the newest snapshot covers, and of all other snapshots.
///
/// Snapshots of the same day that lie close together are thinned out on all levels. The rows of updates stay, with who and when. One call lets go of a limited number of updates; the next goes on.
pub async fn trim(db: &Db, org: OrgId, id: Uuid, dense_days: u64, now: DateTime<Utc>) -> Result<Trimmed, DbError> {
    let mut tx = db.org(org).await?;
    let Some(row) = sqlx::query!(
        "SELECT d.snapshot_seq, d.trimmed_seq, o.event_sourcing_level
         FROM documents d JOIN organizations o ON o.id = d.org_id
         WHERE d.id = $1 AND d.org_id = $2 FOR NO KEY UPDATE OF d",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?
    else {
        return Ok(Trimmed::default());
    };
    let near = thin_near(&mut tx, id, row.snapshot_seq).await?;
    let dense_since = dense_since(dense_days, now);
    let trimmed = match EventSourcingLevel::from_column(&row.event_sourcing_level)? {
        EventSourcingLevel::Full => Trimmed { updates: 0, snapshots: near },
        EventSourcingLevel::Snapshot => Trimmed {
            updates: let_go_of_updates(&mut tx, id, row.trimmed_seq, row.snapshot_seq, Some(dense_since)).await?,
            snapshots: near + thin_snapshots(&mut tx, id, row.snapshot_seq, dense_since).await?,
        },
        EventSourcingLevel::Audit => Trimmed {
            updates: let_go_of_updates(&mut tx, id, row.trimmed_seq, row.snapshot_seq, None).await?,
            snapshots: near + drop_older_snapshots(&mut tx, id, row.snapshot_seq).await?,
        },
    };
    tx.commit().await?;
    Ok(trimmed)
}

/// Since when every single version is kept.
pub(super) fn dense_since(dense_days: u64, now: DateTime<Utc>) -> DateTime<Utc> {
    let days = i64::try_from(dense_days).unwrap_or(DENSE_DAYS_MAX).min(DENSE_DAYS_MAX);
    now - TimeDelta::days(days)
}

/// Lets go of the content of updates in `trimmed_seq + 1 ..= snapshot_seq`, in order, up to the first one that was
/// committed at `kept_since` or later.
async fn let_go_of_updates(
    tx: &mut OrgTx,
    id: Uuid,
    trimmed_seq: i64,
    snapshot_seq: i64,
    kept_since: Option<DateTime<Utc>>,
) -> Result<u64, DbError> {
    let limit = snapshot_seq.min(trimmed_seq.saturating_add(TRIM_UPDATES_MAX));
    let through = sqlx::query_scalar!(
        r#"SELECT coalesce(min(seq) - 1, $3::bigint) AS "through!" FROM document_updates
           WHERE document_id = $1 AND seq > $2 AND seq <= $3 AND committed_at >= coalesce($4::timestamptz, 'infinity')"#,
        id,
        trimmed_seq,
        limit,
        kept_since
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if through <= trimmed_seq {
        return Ok(0);
    }
    let updates = sqlx::query!(
        "UPDATE document_updates SET update = NULL WHERE document_id = $1 AND seq > $2 AND seq <= $3",
        id,
        trimmed_seq,
        through
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    sqlx::query!("UPDATE documents SET trimmed_seq = $2 WHERE id = $1", id, through).execute(&mut *tx.inner).await?;
    Ok(updates)
}

/// Of the snapshots before `dense_since`, keeps the last of each day (UTC). The newest of all always stays.
async fn thin_snapshots(
    tx: &mut OrgTx,
    id: Uuid,
    snapshot_seq: i64,
    dense_since: DateTime<Utc>,
) -> Result<u64, DbError> {
    let deleted = sqlx::query!(
        "DELETE FROM document_snapshots s
         WHERE document_id = $1 AND seq < $2 AND created_at < $3 AND NOT pinned
           AND EXISTS (SELECT FROM document_snapshots later
                       WHERE later.document_id = s.document_id AND later.seq > s.seq
                         AND date_trunc('day', later.created_at, 'UTC') = date_trunc('day', s.created_at, 'UTC'))",
        id,
        snapshot_seq,
        dense_since
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(deleted.rows_affected())
}

/// Lets go of the newest snapshot but one if those before and after it lie close enough together for what was between
/// to be gone through quickly, and it is not the last of its day (UTC).
async fn thin_near(tx: &mut OrgTx, id: Uuid, snapshot_seq: i64) -> Result<u64, DbError> {
    let deleted = sqlx::query!(
        "DELETE FROM document_snapshots WHERE document_id = $1 AND seq IN (
             SELECT seq FROM (
                 SELECT seq, pinned, created_at, lag(seq, 1, 0::bigint) OVER around AS before, lead(seq) OVER around AS after,
                        lead(created_at) OVER around AS after_at
                 FROM document_snapshots WHERE document_id = $1 WINDOW around AS (ORDER BY seq)
             ) AS s
             WHERE NOT pinned AND after = $2 AND after - before <= $3
               AND date_trunc('day', created_at, 'UTC') = date_trunc('day', after_at, 'UTC')
               AND (SELECT coalesce(sum(size_bytes), 0) FROM document_updates u
                    WHERE u.document_id = $1 AND u.seq > before AND u.seq <= after) <= $4)",
        id,
        snapshot_seq,
        NEAR_UPDATES,
        NEAR_BYTES
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(deleted.rows_affected())
}

async fn drop_older_snapshots(tx: &mut OrgTx, id: Uuid, snapshot_seq: i64) -> Result<u64, DbError> {
    let deleted = sqlx::query!("DELETE FROM document_snapshots WHERE document_id = $1 AND seq < $2", id, snapshot_seq)
        .execute(&mut *tx.inner)
        .await?;
    Ok(deleted.rows_affected())
}
