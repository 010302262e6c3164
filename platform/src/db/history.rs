//! What the history of documents is read from: the log's rows, its snapshots, and what the updates did.

mod forget;

use std::ops::RangeInclusive;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{Epoch, OrgId, RunId, Seq};
use uuid::Uuid;

use super::audit;
use super::log::{Provenance, StoredSnapshot, epoch_from_column, seq_from_column, seq_to_column};
use super::{Db, DbError, OrgTx, principal};
use crate::auth::PrincipalRef;

pub use forget::forget;

/// An update of a log with all that is known of it.
#[derive(Debug, Clone)]
pub struct LoggedUpdate {
    /// Its place.
    pub seq: Seq,
    /// The bytes, unless they were let go of.
    pub update: Option<Bytes>,
    /// How many bytes it had.
    pub bytes: u32,
    /// Who sent it.
    pub principal: PrincipalRef,
    /// The agent's run that it is of.
    pub run: Option<RunId>,
    /// The step of the run.
    pub trace_event: Option<Uuid>,
    /// Whose the content is.
    pub provenance: Provenance,
    /// When it came in.
    pub received_at: DateTime<Utc>,
}

/// What a row of updates did, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The first update.
    pub first: Seq,
    /// The last.
    pub last: Seq,
    /// What they did.
    pub entries: Bytes,
}

/// What a document was at a place in its log: a snapshot and the updates after it.
#[derive(Debug, Clone)]
pub struct PastState {
    /// The lineage.
    pub epoch: Epoch,
    /// The newest snapshot before that place, or at it.
    pub snapshot: Option<StoredSnapshot>,
    /// The updates after it, through that place.
    pub updates: Vec<Bytes>,
}

/// What is there of a document at a place in its log.
#[derive(Debug, Clone)]
pub enum Past {
    /// All of it.
    Kept(PastState),
    /// Its content was let go of; these are the places next to it of which there is a snapshot.
    NotKept {
        /// The nearest before.
        before: Option<Seq>,
        /// The nearest after.
        after: Option<Seq>,
    },
}

/// Where the history of a document begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The lineage.
    pub epoch: Epoch,
    /// The last update.
    pub head: Seq,
    /// Through here the log let go of its content: before, only snapshots tell what the document was.
    pub trimmed: Seq,
}

/// Where the history of a document begins and ends, be it in the trash: whoever asks for somebody has asked before whether
/// it may be seen. `None` when there is no such document.
pub async fn extent(db: &Db, org: OrgId, id: Uuid) -> Result<Option<Extent>, DbError> {
    let mut tx = db.org(org).await?;
    extent_in(&mut tx, id).await
}

async fn extent_in(tx: &mut OrgTx, id: Uuid) -> Result<Option<Extent>, DbError> {
    let org = tx.org().as_uuid();
    let row = sqlx::query!("SELECT epoch, head_seq, trimmed_seq FROM documents WHERE id = $1 AND org_id = $2", id, org)
        .fetch_optional(&mut *tx.inner)
        .await?;
    Ok(row.map(|row| Extent {
        epoch: epoch_from_column(row.epoch),
        head: seq_from_column(row.head_seq),
        trimmed: seq_from_column(row.trimmed_seq),
    }))
}

/// Reads updates of a log with all that is known of them.
pub async fn updates(db: &Db, org: OrgId, id: Uuid, places: RangeInclusive<Seq>) -> Result<Vec<LoggedUpdate>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT seq, update, size_bytes, principal_kind, principal_id, run_id, trace_event_id, provenance, received_at
         FROM document_updates WHERE document_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq",
        id,
        seq_to_column(*places.start()),
        seq_to_column(*places.end())
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LoggedUpdate {
                seq: seq_from_column(row.seq),
                update: row.update.map(Bytes::from),
                bytes: row.size_bytes.cast_unsigned(),
                principal: principal::from_row(id, row.principal_kind, row.principal_id)?,
                run: row.run_id.map(RunId::new),
                trace_event: row.trace_event_id,
                provenance: Provenance::from_column(&row.provenance)?,
                received_at: row.received_at,
            })
        })
        .collect()
}

/// Reads what all updates of a document did, as far as it was noted.
pub async fn segments(db: &Db, org: OrgId, id: Uuid) -> Result<Vec<Segment>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT first_seq, last_seq, entries FROM document_history WHERE document_id = $1 ORDER BY first_seq",
        id
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let segment = |first, last, entries: Vec<u8>| Segment {
        first: seq_from_column(first),
        last: seq_from_column(last),
        entries: entries.into(),
    };
    Ok(rows.into_iter().map(|row| segment(row.first_seq, row.last_seq, row.entries)).collect())
}

/// Reads what the last updates of a document did, as far as it was noted.
pub async fn last_segment(db: &Db, org: OrgId, id: Uuid) -> Result<Option<Segment>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT first_seq, last_seq, entries FROM document_history
         WHERE document_id = $1 ORDER BY first_seq DESC LIMIT 1",
        id
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| Segment {
        first: seq_from_column(row.first_seq),
        last: seq_from_column(row.last_seq),
        entries: row.entries.into(),
    }))
}

/// Notes what updates did. A segment that begins at the same place is replaced, unless it reaches further.
pub async fn save_segment(db: &Db, org: OrgId, id: Uuid, segment: &Segment) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO document_history AS h (document_id, first_seq, last_seq, org_id, entries)
         SELECT id, $2, $3, org_id, $4 FROM documents WHERE id = $1 AND org_id = $5
         ON CONFLICT (document_id, first_seq) DO UPDATE SET last_seq = excluded.last_seq, entries = excluded.entries
         WHERE h.last_seq < excluded.last_seq",
        id,
        seq_to_column(segment.first),
        seq_to_column(segment.last),
        &*segment.entries,
        org.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Reads what a document was at a place in its log. `None` when there is no such document, or the place is beyond its
/// head.
pub async fn past(db: &Db, org: OrgId, id: Uuid, at: Seq) -> Result<Option<Past>, DbError> {
    let mut tx = db.org_snapshot(org).await?;
    let Some(extent) = extent_in(&mut tx, id).await?.filter(|extent| at <= extent.head) else { return Ok(None) };
    let snapshot = sqlx::query!(
        "SELECT seq, state FROM document_snapshots
         WHERE document_id = $1 AND seq <= $2 AND epoch = $3 ORDER BY seq DESC LIMIT 1",
        id,
        seq_to_column(at),
        super::log::epoch_to_column(extent.epoch)
    )
    .fetch_optional(&mut *tx.inner)
    .await?
    .map(|row| StoredSnapshot { seq: seq_from_column(row.seq), state: row.state.into() });
    let from = snapshot.as_ref().map_or(Seq::ZERO, |snapshot| snapshot.seq);
    let rows = sqlx::query_scalar!(
        "SELECT update FROM document_updates WHERE document_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq",
        id,
        seq_to_column(from),
        seq_to_column(at)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let updates: Option<Vec<Bytes>> = rows.into_iter().map(|update| update.map(Bytes::from)).collect();
    match updates {
        Some(updates) if updates.len() as u64 == at.get() - from.get() => {
            Ok(Some(Past::Kept(PastState { epoch: extent.epoch, snapshot, updates })))
        }
        Some(_) => Err(DbError::Corrupt { document: id, reason: format!("the log has a gap before {at}") }),
        None => {
            let before = snapshot.map(|snapshot| snapshot.seq);
            Ok(Some(Past::NotKept { before, after: snapshot_after(&mut tx, id, at).await? }))
        }
    }
}

async fn snapshot_after(tx: &mut OrgTx, id: Uuid, at: Seq) -> Result<Option<Seq>, DbError> {
    let seq = sqlx::query_scalar!(
        "SELECT seq FROM document_snapshots WHERE document_id = $1 AND seq > $2 ORDER BY seq LIMIT 1",
        id,
        seq_to_column(at)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(seq.map(seq_from_column))
}

/// The places up to `through` of which there is a snapshot.
pub async fn snapshot_places(db: &Db, org: OrgId, id: Uuid, through: Seq) -> Result<Vec<Seq>, DbError> {
    let mut tx = db.org(org).await?;
    let places = sqlx::query_scalar!(
        "SELECT seq FROM document_snapshots WHERE document_id = $1 AND seq <= $2 ORDER BY seq",
        id,
        seq_to_column(through)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(places.into_iter().map(seq_from_column).collect())
}

/// Updates that were taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The Yjs client id of the edit that did it. If there is content under it, the edit was made.
    pub client: u64,
    /// The edit's place, once it is known to be in the log.
    pub seq: Option<Seq>,
    /// The updates, as rows of them.
    pub updates: Vec<RangeInclusive<Seq>>,
    /// The part of the document in which they were taken back; `None`: all of it.
    pub part: Option<String>,
    /// The deletions that were taken back, as an encoded set of Yjs ids.
    pub deletions: Bytes,
}

/// Notes what an edit that is about to be made takes back.
pub async fn save_taken_back(db: &Db, org: OrgId, id: Uuid, taken: &TakenBack) -> Result<(), DbError> {
    let first: Vec<i64> = taken.updates.iter().map(|row| seq_to_column(*row.start())).collect();
    let last: Vec<i64> = taken.updates.iter().map(|row| seq_to_column(*row.end())).collect();
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO document_undone (document_id, client_id, org_id, first_seqs, last_seqs, deletions, part)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        taken.client.cast_signed(),
        org.as_uuid(),
        &first,
        &last,
        &*taken.deletions,
        taken.part.as_deref()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Notes that an edit that takes back is in the log, and in the audit log that it was made.
pub async fn confirm_taken_back(
    db: &Db,
    org: OrgId,
    id: Uuid,
    client: u64,
    seq: Seq,
    audited: audit::Entry,
) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "UPDATE document_undone SET seq = $3 WHERE document_id = $1 AND client_id = $2",
        id,
        client.cast_signed(),
        seq_to_column(seq)
    )
    .execute(&mut *tx.inner)
    .await?;
    audit::record(&mut tx, audited).await?;
    tx.commit().await
}

/// All that was taken back in a document.
pub async fn taken_back(db: &Db, org: OrgId, id: Uuid) -> Result<Vec<TakenBack>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT client_id, seq, first_seqs, last_seqs, deletions, part FROM document_undone WHERE document_id = $1",
        id
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let updates = |first: Vec<i64>, last: Vec<i64>| {
        first.into_iter().zip(last).map(|(first, last)| seq_from_column(first)..=seq_from_column(last)).collect()
    };
    Ok(rows
        .into_iter()
        .map(|row| TakenBack {
            client: row.client_id.cast_unsigned(),
            seq: row.seq.map(seq_from_column),
            updates: updates(row.first_seqs, row.last_seqs),
            part: row.part,
            deletions: row.deletions.into(),
        })
        .collect())
}
